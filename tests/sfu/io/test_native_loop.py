"""What only the loop in C can get wrong; everything else runs on it in `test_loop`."""

import resource
from pathlib import Path

import pytest

native = pytest.importorskip("sfu.native._loop", reason="the packet loop in C was not built")


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_the_table_of_routes_does_not_grow_with_routes_that_have_gone():
    ffi, lib = native.ffi, native.lib
    buffer = ffi.new("uint8_t[]", 65 * lib.LOOP_SLOT)
    state = ffi.gc(lib.loop_new(0, 16, 8, buffer, *[ffi.NULL] * 4), lib.loop_free)
    leg = ffi.new("loop_leg *")
    before = resident()
    for number in range(300_000):
        key = number.to_bytes(8, "little").ljust(lib.LOOP_ADDRESS, b"\0")
        assert lib.loop_route(state, key, leg) == 0
        lib.loop_unroute(state, key)
    assert resident() - before < 4 * 1024 * 1024
