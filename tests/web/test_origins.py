from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.origins import bucket_of, client_address, from_own_page, origin_of, own_path

PROXIES = (ip_network("10.0.0.0/8"), ip_network("::1/128"))
OURS = {"https://visio.example.org"}


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.1", [], "203.0.113.1"),
        ("203.0.113.1", ["198.51.100.7"], "203.0.113.1"),  # nobody we know says so
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.7"], "198.51.100.7"),  # the left one is the caller's own invention
        ("10.0.0.1", ["1.1.1.1", "198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["10.0.0.3"], "10.0.0.3"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7, "], "10.0.0.1"),
        ("::ffff:10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("::1", ["2001:db8::7"], "2001:db8::7"),
    ],
)
def test_only_a_named_proxy_is_believed_about_the_client(peer, forwarded, client):
    assert client_address(peer, forwarded, PROXIES) == ip_address(client)


def test_a_unix_sockets_peer_has_no_address_and_one_bucket():
    assert client_address(None, ["198.51.100.7"], PROXIES) is None
    assert bucket_of(None) == "local"


def test_an_ipv6_subscriber_is_one_client():
    assert bucket_of(ip_address("2001:db8:1:2:3::4")) == bucket_of(ip_address("2001:db8:1:2:ffff::"))
    assert bucket_of(ip_address("2001:db8:1:2::1")) != bucket_of(ip_address("2001:db8:1:3::1"))
    assert bucket_of(ip_address("203.0.113.1")) != bucket_of(ip_address("203.0.113.2"))


@given(st.text(), st.lists(st.text()))
def test_any_forwarded_for_gives_a_bucket(peer, forwarded):
    assert bucket_of(client_address(peer, forwarded, PROXIES))
    assert bucket_of(client_address("10.0.0.1", forwarded, PROXIES))


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://visio.example.org", "https://visio.example.org"),
        ("https://Visio.Example.org:443/path", "https://visio.example.org"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:80", "http://[::1]"),
        ("https://visio.example.org:8443", "https://visio.example.org:8443"),
        ("https://user@visio.example.org", None),
        ("ftp://visio.example.org", None),
        ("https://visio.example.org:port", None),
        ("https://[oops", None),
        ("https://", None),
        ("null", None),
        (None, None),
    ],
)
def test_an_origin_is_scheme_host_and_port(url, origin):
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("origin", "fetch_site", "ours"),
    [
        ("https://visio.example.org", None, True),
        ("https://visio.example.org", "same-origin", True),
        ("null", "same-origin", True),
        (None, "same-origin", True),
        (None, None, False),
        ("null", None, False),
        ("null", "cross-site", False),
        ("https://visio.example.org", "cross-site", False),
        ("https://visio.example.org", "same-site", False),
        ("https://visio.example.org", "none", False),
        ("http://visio.example.org", None, False),
        ("https://visio.example.org.evil.example", None, False),
        ("https://evil.example", "same-origin", False),
        ("https://evil.example", None, False),
        ("", None, False),
    ],
)
def test_a_form_is_ours_when_the_browser_says_so(origin, fetch_site, ours):
    assert from_own_page("POST", origin, fetch_site, OURS) is ours
    assert from_own_page("DELETE", origin, fetch_site, OURS) is ours
    assert from_own_page("GET", origin, fetch_site, OURS)


@given(st.text())
def test_a_path_to_go_on_to_never_leaves_this_site(text):
    path = own_path(text)
    assert path.startswith("/")
    assert not path.startswith(("//", "/\\"))
    assert origin_of(path) is None


POSTS = ("/login", "/logout", "/open", "/language", "/join/look", "/desk/consultations")


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
async def test_a_post_from_another_site_is_refused(practice, path, headers):
    own = await practice.as_(practice.owner)
    answer = await practice.client.post(path, data={"lang": "en"}, headers={**own, **headers}, allow_redirects=False)
    assert answer.status == 403
    assert not answer.cookies
    assert practice.logged_out == []


async def test_the_sites_public_address_is_ours_behind_a_proxy_too(opened):
    practice = await opened(public_url="https://visio.example.org")
    for origin, status in (("https://visio.example.org", 303), ("http://visio.example.org", 403)):
        answer = await practice.client.post(
            "/language", data={"lang": "en"}, headers={"Origin": origin}, allow_redirects=False
        )
        assert answer.status == status
