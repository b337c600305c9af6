from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from tests.signalling.practice import Practice


@pytest.fixture
async def practice(tmp_path: Path) -> AsyncIterator[Practice]:
    """A running practice. Whatever a test does to it, nothing may fail inside: no error in the log."""
    with structlog.testing.capture_logs() as log:
        practice = await Practice.open(tmp_path)
        yield practice
        await practice.close()
    assert [line for line in log if line["log_level"] == "error"] == []
