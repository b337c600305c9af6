"""The numbering: two sides and a network that loses and repeats. Over 300 lines: the model stands beside its rules."""

from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signalling.protocol import (
    Alive,
    Attend,
    BadMessage,
    ClientFrame,
    Opening,
    Problem,
    RestartIce,
    ServerFrame,
    decode,
)
from signalling.session import KEPT_FOR, KEPT_FRAMES, Session

AT = datetime(2026, 11, 20, tzinfo=UTC)


def frame_of(text: str) -> ServerFrame:
    return msgspec.json.decode(text, type=ServerFrame)


def sent(n: int, ack: int = 0) -> ClientFrame:
    return ClientFrame(n, ack, Alive())


def test_numbers_what_it_says_from_one_and_acknowledges_what_it_received() -> None:
    session = Session()
    assert frame_of(session.say(Problem("stale"))).n == 1
    session.receive(sent(1))
    assert frame_of(session.say(Problem("stale"))) == ServerFrame(2, 1, Problem("stale"))
    assert frame_of(session.acknowledge()) == ServerFrame(0, 1, None)


def test_carries_out_a_request_once() -> None:
    session = Session()
    assert session.receive(sent(1)) == Alive()
    assert session.receive(sent(1)) is None


def test_a_frame_without_a_body_only_acknowledges() -> None:
    session = Session()
    session.say(Problem("stale"))
    assert session.receive(ClientFrame(0, 1)) is None
    assert session.resume(1) == []


@pytest.mark.parametrize("frame", [sent(0), sent(2), sent(1, ack=1), ClientFrame(1, 0, Attend())])
def test_refuses_gaps_and_acknowledgements_of_nothing_and_a_second_opening(frame: ClientFrame) -> None:
    with pytest.raises(BadMessage):
        Session().receive(frame)


def test_resumes_with_what_was_not_acknowledged() -> None:
    session = Session()
    for code in ("stale", "busy", "log_in"):
        session.say(Problem(code))
    missed = session.resume(1)
    assert missed is not None
    assert [frame_of(text).n for text in missed] == [2, 3]
    assert [frame_of(text).body for text in missed] == [Problem("busy"), Problem("log_in")]


@pytest.mark.parametrize("frames", [KEPT_FRAMES, KEPT_FRAMES + 1])
def test_keeps_a_bounded_number_of_frames(frames: int) -> None:
    session = Session()
    for _ in range(frames):
        session.say(Problem("stale"))
    missed = session.resume(0)
    assert (missed is None) == (frames > KEPT_FRAMES)


def test_keeps_a_bounded_number_of_bytes() -> None:
    session = Session()
    for _ in range(30):
        session.say(Problem("x" * 10_000))
    assert session.resume(0) is None
    for _ in range(20):
        session.say(Problem("x" * 10_000))
    assert session.resume(0) is not None


def test_what_is_not_known_any_more_begins_anew_at_one_and_keeps_count_of_the_page() -> None:
    session = Session()
    session.receive(sent(1))
    session.say(Problem("stale"))
    session.forget()
    assert session.resume(0) is None
    assert frame_of(session.say(Problem("busy"))) == ServerFrame(1, 1, Problem("busy"))
    assert session.receive(sent(1)) is None
    assert session.receive(sent(2)) == Alive()


def test_a_page_that_claims_to_have_seen_more_than_was_said_is_given_a_snapshot() -> None:
    session = Session()
    session.say(Problem("stale"))
    assert session.resume(9) is None


def test_a_session_from_before_a_restart_takes_the_first_number_that_comes() -> None:
    session = Session(continued=False)
    assert session.resume(41) is None
    assert session.receive(sent(17)) == Alive()
    assert session.receive(sent(17)) is None
    assert session.receive(sent(18)) == Alive()
    with pytest.raises(BadMessage):
        session.receive(sent(20))


def test_lapses_after_its_time_without_a_socket() -> None:
    session = Session()
    assert not session.lapsed(AT)
    session.lose_socket(AT)
    assert not session.lapsed(AT + KEPT_FOR - timedelta(microseconds=1))
    assert session.lapsed(AT + KEPT_FOR)
    session.resume(0)
    assert not session.lapsed(AT + KEPT_FOR)


# -- a lossy network -----------------------------------------------------------------------------------------


@dataclass
class Client:
    """The page's half, as docs/protocol.md tells it."""

    sent: int = 0
    received: int = 0
    unacked: list[int] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)

    def take(self, frame: ServerFrame) -> None:
        self.unacked = [n for n in self.unacked if n > frame.ack]
        if frame.body is None or frame.n <= self.received:
            return
        if frame.n != self.received + 1:
            raise BadMessage("a gap")
        self.received = frame.n
        assert isinstance(frame.body, Problem)
        self.heard.append(frame.body.code)


class World:
    """A server's session and a page, with frames on their way that may be lost, repeated or cut off."""

    def __init__(self) -> None:
        self.session = Session()
        self.client = Client()
        self.up: deque[ClientFrame] = deque()
        self.down: deque[str] = deque()
        self.said = 0
        self.done: list[int] = []

    def server_says(self) -> None:
        self.said += 1
        self.down.append(self.session.say(Problem(str(self.said))))

    def client_says(self) -> None:
        self.client.sent += 1
        self.client.unacked.append(self.client.sent)
        self.up.append(ClientFrame(self.client.sent, self.client.received, RestartIce()))

    def deliver_up(self) -> None:
        if self.up:
            frame = self.up.popleft()
            try:
                if self.session.receive(frame) is not None:
                    self.done.append(frame.n)
                self.down.append(self.session.acknowledge())
            except BadMessage:
                self.cut()

    def deliver_down(self) -> None:
        if self.down:
            try:
                self.client.take(frame_of(self.down.popleft()))
            except BadMessage:
                self.cut()

    def lose_up(self) -> None:
        if self.up:
            self.up.popleft()

    def lose_down(self) -> None:
        if self.down:
            self.down.popleft()

    def repeat_up(self) -> None:
        if self.up:
            self.up.appendleft(self.up[0])

    def repeat_down(self) -> None:
        if self.down:
            self.down.appendleft(self.down[0])

    def cut(self) -> None:
        """The socket is lost with all that is on its way, and there is a new one."""
        self.up.clear()
        self.down.clear()
        missed = self.session.resume(self.client.received)
        assert missed is not None
        self.down.append(self.session.acknowledge())
        self.down.extend(missed)
        # The page sends again once it has been welcomed, and the welcome says what has arrived.
        self.client.take(frame_of(self.down.popleft()))
        self.up.extend(ClientFrame(n, self.client.received, RestartIce()) for n in self.client.unacked)


STEPS = (
    World.server_says,
    World.client_says,
    World.deliver_up,
    World.deliver_down,
    World.lose_up,
    World.lose_down,
    World.repeat_up,
    World.repeat_down,
    World.cut,
)


@settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.sampled_from(STEPS), max_size=150))
def test_both_streams_arrive_exactly_once_and_in_order_whatever_the_network_does(steps: list) -> None:
    world = World()
    for step in steps:
        step(world)
    world.cut()
    while world.up or world.down:
        world.deliver_up()
        world.deliver_down()
    assert world.done == list(range(1, world.client.sent + 1))
    assert world.client.heard == [str(number) for number in range(1, world.said + 1)]
    assert world.client.unacked == []


# -- foreign bytes -------------------------------------------------------------------------------------------


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300)))
def test_decoding_foreign_bytes_gives_a_frame_or_bad_message(data: bytes | str) -> None:
    with suppress(BadMessage):
        assert isinstance(decode(data), ClientFrame)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
KINDS = ("knock", "enter", "attend", "resume", "admit", "answer", "alive", "sending", "devices", "leave", "no_such")


@settings(max_examples=500, deadline=None)
@given(
    st.fixed_dictionaries(
        {"n": st.integers() | JSON, "ack": st.integers() | JSON},
        optional={
            "body": st.fixed_dictionaries(
                {"type": st.sampled_from(KINDS)},
                optional=dict.fromkeys(("name", "sdp", "session", "ticket", "admission", "version", "devices"), JSON),
            )
        },
    )
)
def test_decoding_nearly_right_messages_gives_a_frame_or_bad_message(message: object) -> None:
    try:
        frame = decode(msgspec.json.encode(message))
    except BadMessage:
        return
    assert frame.n >= 0
    assert frame.ack >= 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"n": 0}',
        '{"n": 1, "n": 0, "ack": 0}',
        '{"n": 1, "ack": 0, "body": {"type": "answer", "negotiation": 1, "negotiation": 2, "sdp": "v=0"}}',
        '{"n": NaN, "ack": 0}',
        '{"n": 1, "ack": 0, "body": {"type": "alive", "more": 1}}',
        '{"n": 1, "ack": 0, "body": {"type": "welcome"}}',
        '{"n": 1, "ack": 0, "body": ' + '{"a":' * 9000 + "1" + "}" * 9000 + "}",
        "[" * 32_000,
        '{"n": 1, "ack": 0, "body": {"type": "alive"}}' + " " * 32_768,
    ],
)
def test_refuses_what_is_no_message(text: str) -> None:
    with pytest.raises(BadMessage):
        decode(text)


def test_openings_are_told_from_requests() -> None:
    assert isinstance(Attend(), Opening)
    assert not isinstance(Alive(), Opening)
