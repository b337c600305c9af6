from collections.abc import Iterator

import pytest

from tests.app.processes import Place


@pytest.fixture
def place() -> Iterator[Place]:
    with Place() as place:
        yield place
