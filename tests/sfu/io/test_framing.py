"""Messages on the control socket: however the stream is cut, the same ones come out, and junk is refused."""

import struct
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.control import CloseLeg, Command, Ping
from sfu.io.framing import MAX_MESSAGE, Messages

COMMANDS = st.one_of(st.builds(Ping, st.integers(0, 2**31)), st.builds(CloseLeg, st.integers(0, 9), st.text()))


def framed(body: bytes) -> bytes:
    return struct.pack("!I", len(body)) + body


@settings(deadline=None)
@given(st.lists(COMMANDS, max_size=6), st.lists(st.integers(0, 200), max_size=6))
def test_messages_come_out_as_they_were_sent_however_they_are_cut(commands: list[Command], cuts: list[int]) -> None:
    stream = b"".join(framed(msgspec.msgpack.encode(command)) for command in commands)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    messages = Messages(msgspec.msgpack.Decoder(Command))
    heard = [m for start, end in pairwise(edges) for m in messages.feed(stream[start:end])]
    assert heard == commands


@pytest.mark.parametrize(
    "junk", [framed(b"\xc1"), framed(msgspec.msgpack.encode({"type": "?"})), struct.pack("!I", MAX_MESSAGE + 1)]
)
def test_what_is_no_message_is_refused_after_those_before_it(junk: bytes) -> None:
    messages = Messages(msgspec.msgpack.Decoder(Command)).feed(framed(msgspec.msgpack.encode(Ping(1))) + junk)
    assert next(messages) == Ping(1)
    with pytest.raises(ValueError, match="message"):
        next(messages)
