import os
import subprocess
import sys
from pathlib import Path

import pytest

from app import data_folder
from app.language import Refused

HOLD = """
import pathlib, sys
from app import data_folder
with data_folder.held(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    data_folder.prepare(tmp_path)
    key = data_folder.secret_key(tmp_path)
    assert len(key) == 32
    assert data_folder.secret_key(tmp_path) == key
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["run", "secret.key"]


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    data_folder.secret_key(tmp_path)
    (tmp_path / "secret.key").chmod(0o640)
    with pytest.raises(Refused, match="chmod 600"):
        data_folder.secret_key(tmp_path)


def test_half_a_key_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    path.write_bytes(b"short")
    path.chmod(0o600)
    with pytest.raises(Refused, match="damaged"):
        data_folder.secret_key(tmp_path)
    assert path.read_bytes() == b"short"


def test_a_new_folder_belongs_to_its_owner_alone(tmp_path: Path) -> None:
    data_folder.prepare(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "a" / "b" / "run").stat().st_mode & 0o777 == 0o700


def test_a_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match="cannot be written"):
        data_folder.prepare(tmp_path / "file" / "data")


def test_a_path_too_long_for_sockets_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 90)
    with pytest.raises(Refused, match="too long"):
        data_folder.prepare(deep)
    assert not deep.exists()


def test_one_process_holds_the_folder_and_others_see_which(tmp_path: Path) -> None:
    data_folder.prepare(tmp_path)
    web = data_folder.WebProcess(os.getpid(), "127.0.0.1", 8080, "http://127.0.0.1:8080")
    with data_folder.held(tmp_path) as lock:
        data_folder.announce(lock, web)
        assert data_folder.running_web(tmp_path) == web
        with pytest.raises(Refused, match="already running"), data_folder.held(tmp_path):
            pass
    assert data_folder.running_web(tmp_path) is None


def test_a_killed_process_lets_go_of_the_folder(tmp_path: Path) -> None:
    data_folder.prepare(tmp_path)
    holder = subprocess.Popen(  # our own interpreter
        [
            sys.executable,
            "-c",
            HOLD,
            str(tmp_path),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    holder.kill()
    holder.wait()
    with data_folder.held(tmp_path):
        pass
    assert holder.stdin is not None
    holder.stdin.close()
    holder.stdout.close()
