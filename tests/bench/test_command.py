import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bench.command import main
from bench.io.ports import free_port
from bench.report import from_json


def test_an_unreachable_port_is_one_clear_line(capsys):
    assert main(["forwarding", "--url", f"http://127.0.0.1:{free_port()}", "--key", "vsv_x"]) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "server" in line]
    assert "No server answers at http://127.0.0.1:" in line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--url", "http://127.0.0.1:9"], "needs --key"),
        (["--key", "vsv_x"], "without --url"),
        (["--url", "localhost:8080", "--key", "vsv_x"], "is no address of a server"),
        (["--direct", "--url", "http://127.0.0.1:9", "--key", "x"], "takes no --url"),
        (["--html", "/nowhere/at/all.html"], "There is no folder"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(arguments, said, capsys, monkeypatch):
    monkeypatch.delenv("VISAVIS_BENCH_KEY", raising=False)
    assert main(["forwarding", *arguments]) == 1
    assert said in capsys.readouterr().err


def test_a_worker_is_measured_and_the_report_written(tmp_path: Path, capsys):
    path, page = tmp_path / "report.json", tmp_path / "report.html"
    options = ["--direct", "--calls", "1,2", "--seconds", "0.8", "--no-pin", "--json", str(path), "--html", str(page)]
    assert main(["forwarding", *options]) == 0
    report = from_json(path.read_bytes())
    (result,) = report.results
    assert result.complete
    measured = next(table for table in result.tables if table.title == "Measurements")
    assert [row[0] for row in measured.rows] == [1, 2]
    assert all(row[measured.columns.index("out/s")] > 0 for row in measured.rows)
    found = {figure.name: figure.value for figure in result.summary}
    assert found["CPU per forwarded packet"] > 0
    assert found["set-up CPU per peer"] > 0
    assert "<svg" in page.read_text()
    assert "CPU per forwarded packet" in capsys.readouterr().out


def test_a_whole_server_is_measured_through_its_public_api_and_a_wrong_key_is_said(tmp_path: Path, capsys):
    """The server is started here first, so that the bench meets it as a stranger with a key."""
    port, media_port = free_port(), free_port()
    command = [str(Path(sys.executable).parent / "visavis"), "up", "--demo", "--json", "--data", str(tmp_path / "data")]
    command += ["--port", str(port), "--media-port", str(media_port), "--workers", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            ready = json.loads(server.stdout.readline())
            assert main(["forwarding", "--url", ready["url"], "--key", "vsv_wrong"]) == 1
            assert "does not know this key" in capsys.readouterr().err
            options = ["--url", ready["url"], "--key", ready["api_key"], "--calls", "2", "--seconds", "0.8"]
            assert main(["forwarding", *options, "--json", str(tmp_path / "report.json")]) == 0
        finally:
            server.send_signal(signal.SIGTERM)
    written = (tmp_path / "report.json").read_bytes()
    assert ready["api_key"].encode() not in written
    found = {figure.name: figure.value for figure in from_json(written).results[0].summary}
    assert found["packets out"] > 0
    assert found["CPU per forwarded packet"] is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_give_the_report_of_what_was_done(tmp_path: Path, number: signal.Signals):
    path = tmp_path / "report.json"
    options = ["--direct", "--calls", "1", "--seconds", "1", "--repeat", "1000", "--no-pin", "--json", str(path)]
    command = [sys.executable, "-m", "bench", "forwarding", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if "measurement 2 of" in line:
                break
        os.kill(process.pid, number)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in out
    (result,) = from_json(path.read_bytes()).results
    assert not result.complete
    assert result.summary


def test_a_free_port_is_free_for_udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", free_port()))
