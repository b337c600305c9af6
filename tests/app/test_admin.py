"""`visavis admin`: what it makes works on the running server of the same data folder."""

import json
import urllib.error
import urllib.parse
import urllib.request

import pytest

from tests.app.processes import Place
from tests.app.test_running import post

NEW = ["admin", "create-practitioner", "--email=camille@example.org", "--name=Dr Camille Martin"]


def test_without_a_password_a_link_logs_in_once_on_the_running_server(place: Place) -> None:
    _, line = place.up()
    done = place.run(*NEW)
    assert done.returncode == 0, done.stderr
    link = done.stdout.strip()
    assert link.startswith(f"{line['url']}/open#")
    token = link.partition("#")[2]
    assert post(f"{line['url']}/open", {"token": token}, Origin=line["url"]) == (200, {"location": "/desk"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(f"{line['url']}/open", {"token": token}, Origin=line["url"])
    assert refused.value.code in {403, 404, 410}


def test_a_password_from_standard_input_logs_in(place: Place) -> None:
    done = place.run(*NEW, "--password-stdin", stdin="correct horse battery\n")
    assert done.returncode == 0, done.stderr
    assert "correct horse" not in done.stdout + done.stderr
    _, line = place.up()
    form = urllib.parse.urlencode({"email": "camille@example.org", "password": "correct horse battery"}).encode()
    request = urllib.request.Request(f"{line['url']}/login", form, {"Origin": line["url"]})  # noqa: S310  # our own server
    opener = urllib.request.build_opener(NoRedirect)
    with pytest.raises(urllib.error.HTTPError) as answer:
        opener.open(request, timeout=10)
    assert (answer.value.code, answer.value.headers["Location"]) == (303, "/desk")


def test_an_address_is_taken_once(place: Place) -> None:
    assert place.run(*NEW).returncode == 0
    again = place.run(*NEW)
    assert again.returncode == 1
    assert again.stderr == "Somebody with this e-mail address exists already.\n"


def test_a_key_for_one_practitioner_acts_for_them_alone(place: Place) -> None:
    place.run(*NEW)
    done = place.run("admin", "create-key", "--label=booking", "--practitioner=camille@example.org")
    key = done.stdout.strip()
    assert key.startswith("vsv_")
    _, line = place.up()
    status, made = post(
        f"{line['url']}/api/consultations", {"patient_name": "Alex Dupont"}, Authorization=f"Bearer {key}"
    )
    assert status == 201
    assert json.dumps(made).count("Alex Dupont") == 1


def test_a_key_is_listed_and_taken_back_while_the_server_runs(place: Place) -> None:
    place.run(*NEW)
    key = place.run("admin", "create-key", "--label=booking", "--practitioner=camille@example.org").stdout.strip()
    place.run("admin", "create-key", "--label=clinic site")
    listed = [line.split("  ") for line in place.run("admin", "list-keys").stdout.splitlines()]
    assert [line[2:] for line in listed] == [["camille@example.org", "booking"], ["all practitioners", "clinic site"]]
    _, line = place.up()
    url, holder = f"{line['url']}/api/consultations", {"Authorization": f"Bearer {key}"}
    assert post(url, {"patient_name": "Alex Dupont"}, **holder)[0] == 201
    revoked = place.run("admin", "revoke-key", listed[0][0])
    assert (revoked.returncode, revoked.stdout) == (0, "Taken back: the key opens nothing any more.\n")
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(url, {"patient_name": "Alex Dupont"}, **holder)
    assert refused.value.code == 401
    again = place.run("admin", "revoke-key", listed[0][0])
    assert (again.returncode, again.stderr) == (1, "There is no key with this id: see visavis admin list-keys.\n")


def test_a_link_made_before_the_start_names_the_public_address(place: Place) -> None:
    done = place.run(*NEW, "--public-url=https://visio.example.org")
    assert done.stdout.startswith("https://visio.example.org/open#")


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None
