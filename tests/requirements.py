"""What the whole suite needs beyond Python: with it missing a test is skipped, or fails where that is not allowed."""

import os
from typing import NoReturn

import pytest


def missing(reason: str) -> NoReturn:
    """Skip the test with that reason; under `VISAVIS_REQUIRE=all` fail it instead."""
    if os.environ.get("VISAVIS_REQUIRE") == "all":
        pytest.fail(f"required here: {reason}", pytrace=False)
    pytest.skip(reason)
