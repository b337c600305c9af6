import json
import subprocess
import sys

SPEAK = """
import logging
import structlog
from app.logs import configure_logs
configure_logs()
structlog.get_logger("ours").info("something_happened", count=3)
logging.getLogger("theirs").warning("request from %s failed", "192.0.2.77")
logging.getLogger("theirs").info("chatter")
try:
    1 / 0
except ZeroDivisionError:
    structlog.get_logger("ours").exception("went_wrong")
"""


def test_logs_are_json_lines_on_stderr_and_libraries_values_are_left_out() -> None:
    done = subprocess.run([sys.executable, "-c", SPEAK], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["something_happened", "request from %s failed", "went_wrong"]
    assert lines[0]["count"] == 3
    assert lines[0]["level"] == "info"
    assert lines[1]["logger"] == "theirs"
    assert "192.0.2.77" not in done.stderr
    assert "ZeroDivisionError" in lines[2]["exception"]
