from pathlib import Path

import pytest

from web.io.static_files import StaticFiles

FILE = "vendor/lit-html.js"


@pytest.fixture
def statics() -> StaticFiles:
    return StaticFiles(Path(__file__).resolve().parents[2] / "web" / "static")


async def test_a_file_with_its_version_is_kept_for_ever(practice, statics):
    answer = await practice.get(statics.url(FILE))
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize("query", ["", "?v=", "?v=0000000000000000"])
async def test_a_file_without_its_version_is_asked_for_again(practice, query):
    answer = await practice.get(f"/static/{FILE}{query}")
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-cache")
    again = await practice.get(f"/static/{FILE}{query}", {"If-None-Match": answer.headers["ETag"]})
    assert (again.status, await again.read()) == (304, b"")
    changed = await practice.get(f"/static/{FILE}{query}", {"If-None-Match": '"0000"'})
    assert changed.status == 200


@pytest.mark.parametrize(
    "path",
    [
        "../templates/login.html",
        "..%2ftemplates%2flogin.html",
        "%2e%2e/%2e%2e/pyproject.toml",
        "/etc/passwd",
        "vendor",
        "vendor/",
        "vendor/lit-html.js/",
        "vendor//lit-html.js",
        "vendor/lit-html.js%00.css",
    ],
)
async def test_nothing_but_the_files_is_served(practice, path):
    answer = await practice.client.request("GET", f"/static/{path}", allow_redirects=False)
    assert answer.status == 404


def test_the_address_of_a_file_that_is_not_there_is_an_error_of_ours(statics):
    with pytest.raises(KeyError):
        statics.url("js/nothing.js")


def test_files_of_unknown_kinds_are_not_served(tmp_path):
    (tmp_path / "secret.key").write_text("x")
    (tmp_path / "style.css").write_text("a{}")
    statics = StaticFiles(tmp_path)
    assert statics.url("style.css").startswith("/static/style.css?v=")
    with pytest.raises(KeyError):
        statics.url("secret.key")


def test_another_content_has_another_address(tmp_path):
    (tmp_path / "style.css").write_text("a{}")
    before = StaticFiles(tmp_path).url("style.css")
    (tmp_path / "style.css").write_text("b{}")
    assert StaticFiles(tmp_path).url("style.css") != before
