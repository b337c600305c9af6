"""Which packet loop runs where."""

import time

import pytest

from sfu.io import loops
from sfu.io.loops import LoopUnavailable, make_loop
from sfu.io.multi_message import MultiMessageSocket
from sfu.io.python_loop import PythonLoop
from sfu.io.socket import SingleMessageSocket, open_socket
from tests.requirements import missing


@pytest.fixture(params=[MultiMessageSocket, SingleMessageSocket])
def socket(request):
    batch = request.param(open_socket("127.0.0.1", 0))
    yield batch
    batch.close()


def test_the_loop_in_c_is_the_default_where_it_was_built_and_the_socket_allows_it(socket):
    if loops.NativeLoop is None:
        missing("the packet loop in C was not built (no C compiler at install)")
    name = make_loop("auto", socket, time.monotonic, None).name
    assert name == ("native" if isinstance(socket, MultiMessageSocket) else "python")


def test_the_loop_in_python_can_be_asked_for(socket):
    assert type(make_loop("python", socket, time.monotonic, None)) is PythonLoop


def test_the_loop_in_c_is_refused_where_it_cannot_run_and_auto_falls_back(socket, monkeypatch):
    monkeypatch.setattr(loops, "NativeLoop", None)
    with pytest.raises(LoopUnavailable):
        make_loop("native", socket, time.monotonic, None)
    assert make_loop("auto", socket, time.monotonic, None).name == "python"
