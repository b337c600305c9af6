"""What the operator can put right: one clear line in the terminal's language, a non-zero exit code, no traceback."""

import asyncio
import io
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import aiosqlite
import pytest

from app.command import main
from tests.app.processes import Place
from tests.migrated import migrated_file

Refused = Callable[..., str]
LANGUAGES = pytest.mark.parametrize("lang", ["C.UTF-8", "fr_FR.UTF-8"])


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    return line_of(done.returncode, done.stdout, done.stderr)


def line_of(code: int, out: str, error: str) -> str:
    assert code != 0
    assert out == ""
    assert "Traceback" not in error
    assert error.count("\n") == 1, error
    return error.strip()


@pytest.fixture
def refused(place: Place, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Refused:
    """Give a function that runs a command here, in a process of its own or, in a second language, in this one."""

    def run(*words: str, lang: str) -> str:
        if lang == "C.UTF-8":
            return refusal(place.run(*words, lang=lang))
        monkeypatch.setenv("LANG", lang)
        monkeypatch.setenv("LC_ALL", "")
        code = main(place.line(*words)[1:])
        told = capfd.readouterr()
        return line_of(code, told.out, told.err)

    return run


@LANGUAGES
def test_the_web_port_is_taken(place: Place, refused: Refused, lang: str) -> None:
    with socket.create_server(("127.0.0.1", place.port)):
        line = refused("up", lang=lang)
    assert str(place.port) in line
    assert ("est pris par un autre programme" if lang.startswith("fr") else "is taken by another program") in line


@LANGUAGES
@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_media_port_is_taken(place: Place, refused: Refused, lang: str, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", place.media_port))
        if kind == socket.SOCK_STREAM:
            other.listen()
        line = refused("up", lang=lang)
    assert str(place.media_port) in line
    assert ("Le port média" if lang.startswith("fr") else "Media port") in line
    assert place.worker_pids() == []


def test_a_workers_port_is_taken(place: Place) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", place.media_port))
        assert str(place.media_port) in refusal(place.run("worker"))


@LANGUAGES
def test_the_folder_cannot_be_written(refused: Refused, lang: str) -> None:
    # /proc refuses root as well, so this holds for whoever runs the tests.
    line = refused("up", "--data=/proc/visavis", lang=lang)
    assert "/proc/visavis" in line
    assert ("dossier de données" if lang.startswith("fr") else "cannot be written") in line


@LANGUAGES
def test_the_database_is_newer_than_the_code(place: Place, refused: Refused, lang: str) -> None:
    migrated_file(place.data / "visavis.sqlite3")
    asyncio.run(_pretend_a_newer_version(place))
    for words in (["up"], ["admin", "create-key", "--label=second"]):
        line = refused(*words, lang=lang)
        assert ("version plus récente" if lang.startswith("fr") else "newer version") in line


async def _pretend_a_newer_version(place: Place) -> None:
    async with aiosqlite.connect(place.data / "visavis.sqlite3") as connection:
        await connection.execute("UPDATE alembic_version SET version_num = 'from the future'")
        await connection.commit()


@LANGUAGES
def test_an_option_makes_no_sense(refused: Refused, lang: str) -> None:
    line = refused("up", "--port=eighty", lang=lang)
    assert line.startswith("--port attend un nombre" if lang.startswith("fr") else "--port takes a number")


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["up", "--no-such-option"],
        ["up", "--dem"],
        ["up", "--host"],
        ["up", "--host=203.0.113.7"],
        ["up", "--host=no-such-host.invalid"],
        ["up", "--public-url=visio"],
        ["fly"],
        ["admin"],
        ["admin", "fly"],
        ["worker", "--index=7", "--workers=2"],
        ["admin", "create-key"],
        ["admin", "create-practitioner", "--email=nobody", "--name=N"],
        ["admin", "create-practitioner", "--email=a@example.org", "--name="],
        ["admin", "create-practitioner", "--email=a@example.org", "--name=N", "--password-stdin"],
        ["admin", "create-key", "--label=x", "--practitioner=nobody@example.org"],
    ],
)
def test_what_makes_no_sense_is_told_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO("too short\n"))
    code = main(words)
    told = capsys.readouterr()
    assert code != 0
    assert told.out == ""
    assert told.err.strip().splitlines()[-1].endswith((".", "--demo"))
    assert words == [] or told.err.count("\n") == 1


def test_two_web_processes_want_one_folder(place: Place) -> None:
    _, first = place.up()
    place.port += 1
    for command in ("up", "serve"):
        assert "already running" in refusal(place.run(command))
    assert first["url"].endswith(str(place.port - 1))


def test_a_worker_that_runs_already_is_not_started_again(place: Place) -> None:
    place.up()
    assert "runs already" in refusal(place.run("worker"))


def test_serving_without_a_database_server_is_refused(place: Place) -> None:
    line = refusal(place.run("up", "--database=postgresql://me:hunter2@127.0.0.1:9/visavis"))
    assert "hunter2" not in line
    assert "--database" in line
