"""RFC 4571 framing of foreign bytes: however they are cut, the same datagrams come out, or the connection ends."""

import asyncio
from unittest.mock import Mock

from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.demux import MAX_DATAGRAM
from sfu.io.paths import TcpPath


def feed(stream: bytes, cuts: list[int]) -> tuple[list[bytes], bool]:
    """Return the datagrams that a path hands on, and whether it closed the connection."""

    async def run() -> tuple[list[bytes], bool]:
        heard: list[bytes] = []
        path = TcpPath(lambda _, data: heard.append(data), set())
        transport = Mock(spec=asyncio.Transport)
        transport.get_extra_info.return_value = ("127.0.0.1", 9)
        path.connection_made(transport)
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            if not (transport.close.called or transport.abort.called):
                path.data_received(stream[start:end])
        closed = transport.close.called or transport.abort.called
        path.connection_lost(None)
        return heard, closed

    return asyncio.run(run())


@st.composite
def cut_streams(draw: st.DrawFn, pieces: st.SearchStrategy[bytes]) -> tuple[bytes, list[int]]:
    stream = b"".join(draw(st.lists(pieces, max_size=5)))
    return stream, sorted(draw(st.lists(st.integers(0, len(stream)), max_size=8)))


FRAMES = st.binary(min_size=1, max_size=60).map(lambda data: len(data).to_bytes(2, "big") + data)


@settings(deadline=None)
@given(cut_streams(FRAMES))
def test_frames_come_out_as_they_were_sent_however_they_are_cut(given_: tuple[bytes, list[int]]) -> None:
    stream, cuts = given_
    heard, closed = feed(stream, cuts)
    assert b"".join(len(data).to_bytes(2, "big") + data for data in heard) == stream
    assert not closed


@settings(deadline=None)
@given(cut_streams(st.binary(max_size=40)))
def test_any_bytes_become_datagrams_of_a_possible_length_or_end_the_connection(given_: tuple[bytes, list[int]]) -> None:
    stream, cuts = given_
    heard, _ = feed(stream, cuts)
    assert all(0 < len(data) <= MAX_DATAGRAM for data in heard)
    assert feed(stream, []) == feed(stream, cuts)
