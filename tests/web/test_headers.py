"""Every answer carries the security headers, whatever route and status it has."""

from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from aiohttp import DummyCookieJar
from aiohttp import web as aioweb
from aiohttp.test_utils import TestClient, TestServer

from tests.migrated import migrated_file
from tests.web.opening import open_practice
from web.authorisation import TABLE

EXPECTED = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob: mediastream:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types lit-html",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def check(answer, cache="no-store"):
    assert {name: answer.headers.get(name) for name in EXPECTED} == EXPECTED
    policy = answer.headers["Permissions-Policy"]
    assert all(f"{name}=(self)" in policy for name in ("camera", "microphone", "display-capture"))
    assert answer.headers["Cache-Control"] == cache
    assert "Server" not in answer.headers


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def demonstration(tmp_path_factory):
    """One for all routes: what each test asks of it is its own."""
    async with AsyncExitStack() as stack:
        file = migrated_file(tmp_path_factory.mktemp("demonstration") / "visavis.sqlite3")
        practice, app = await open_practice(stack, file, sandbox=True)
        client = TestClient(TestServer(app), cookie_jar=DummyCookieJar())
        practice.client = await stack.enter_async_context(client)
        practice.sandbox.set_public_origin(practice.origin)
        yield practice


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("route", TABLE, ids=" ".join)
@pytest.mark.parametrize("own_page", [True, False])
async def test_every_route_has_them_answered_or_refused(demonstration, route, own_page):
    """As in a demonstration; with a real provider one page is different: see test_cards."""
    practice = demonstration
    method, pattern = route
    consultation = await practice.plan()
    path = pattern.replace("{id}", consultation.id).replace("{path}", "vendor/lit-html.js")
    path = path.replace("{receipt}", "rec_x")
    headers = {**await practice.as_(practice.owner), **({"Sec-Fetch-Site": "same-origin"} if own_page else {})}
    answer = await practice.client.request(method, path, headers=headers, allow_redirects=False)
    assert answer.status < 500
    check(answer, "no-cache" if pattern.startswith("/static") else "no-store")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/static/nothing.js", 404),
        ("GET", "/api/nothing", 404),
        ("DELETE", "/login", 405),
        ("PUT", "/api/consultations", 405),
        ("PROPFIND", "/desk", 405),
        ("OPTIONS", "/desk", 405),
    ],
)
async def test_errors_have_them(practice, method, path, status):
    answer = await practice.client.request(method, path)
    assert answer.status == status
    check(answer)
    if status == 405:
        assert answer.headers["Allow"]


async def test_a_crash_has_them(opened):
    async def crash(_):
        raise ZeroDivisionError("Jeanne Dupont")

    practice = await opened(websocket=crash)
    answer = await practice.get("/ws")
    assert answer.status == 500
    check(answer)


async def test_a_websocket_has_them(opened):
    async def greet(request):
        socket = aioweb.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str("hello")
        await socket.close()
        return socket

    practice = await opened(websocket=greet)
    async with practice.client.ws_connect("/ws") as socket:
        assert await socket.receive_str() == "hello"
        assert socket._response.headers["X-Content-Type-Options"] == "nosniff"


async def test_strict_transport_security_is_said_over_https_only(opened):
    practice = await opened()
    assert "Strict-Transport-Security" not in (await practice.get("/login")).headers
    over_https = await practice.get("/login", {"X-Forwarded-Proto": "https"})
    assert over_https.headers["Strict-Transport-Security"] == "max-age=31536000"


async def test_a_proxy_that_nobody_named_is_not_believed_about_https(opened):
    practice = await opened(trusted_proxies=())
    answer = await practice.get("/login", {"X-Forwarded-Proto": "https"})
    assert "Strict-Transport-Security" not in answer.headers


async def test_the_host_of_an_https_public_address_is_https_even_when_the_proxy_forgot_to_say_so(opened):
    practice = await opened(public_url="https://visio.example.org", trusted_proxies=())
    answer = await practice.get("/login", {"Host": "visio.example.org"})
    assert "Strict-Transport-Security" in answer.headers
    assert "Strict-Transport-Security" not in (await practice.get("/login")).headers


@pytest.mark.parametrize("path", ["/login", "/join", "/open", "/healthz", "/static/vendor/lit-html.js", "/nothing"])
async def test_head_is_get_without_a_body(practice, path):
    get, head = await practice.get(path), await practice.client.head(path)
    assert head.status == get.status
    assert await head.read() == b""
    assert head.headers["Content-Length"] == str(len(await get.read()))
