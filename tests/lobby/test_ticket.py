"""Tickets: made here, or refused."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from lobby.ticket import BadTicket, LapsedTicket, issue, read
from store.ids import AdmissionId, Prefix
from store.io.entropy import new_id

KEY = b"0123456789abcdef0123456789abcdef"
ADMISSION = AdmissionId("adm_ABCDEFGHIJKLMNOPQRST-_")
AT = datetime(2026, 3, 28, 9, tzinfo=UTC)
TICKET = issue(KEY, ADMISSION, AT + timedelta(hours=1))


def test_a_ticket_names_its_admission_until_it_lapses():
    assert read(KEY, TICKET, AT) == ADMISSION
    assert read(KEY, TICKET, AT + timedelta(minutes=59, seconds=59)) == ADMISSION
    with pytest.raises(LapsedTicket):
        read(KEY, TICKET, AT + timedelta(hours=1))


def test_a_ticket_fits_where_the_protocol_wants_a_token():
    """`signalling.protocol.Token`: 16 to 256 of these characters."""
    assert re.fullmatch(r"[A-Za-z0-9_.~-]{16,256}", issue(KEY, AdmissionId(new_id(Prefix.ADMISSION)), AT))


def test_every_single_changed_character_is_refused():
    """All of them, the spare bits of the last character included."""
    characters = {chr(code) for code in range(128)} | {"é", "\ud800", "٣"}
    for place, right in enumerate(TICKET):
        for wrong in characters - {right}:
            with pytest.raises(BadTicket):
                read(KEY, TICKET[:place] + wrong + TICKET[place + 1 :], AT)


@given(place=st.integers(0, len(TICKET)), kept=st.integers(0, len(TICKET)), added=st.text(max_size=3))
def test_a_ticket_cut_or_lengthened_is_refused(place: int, kept: int, added: str):
    changed = TICKET[:place] + added + TICKET[kept:]
    assume(changed != TICKET)
    with pytest.raises(BadTicket):
        read(KEY, changed, AT)


@given(st.one_of(st.text(), st.from_regex(r"v1\.adm_[A-Za-z0-9_-]{22}\.[0-9]{1,20}\.[A-Za-z0-9_-]{43}\n?")))
@example("")
@example(TICKET + "\n")
@example(TICKET.replace("v1", "v2"))
def test_any_text_is_refused_and_raises_nothing_else(text: str):
    with pytest.raises(BadTicket):
        read(KEY, text, AT)


@given(st.binary(min_size=1, max_size=64))
def test_another_key_refuses(key: bytes):
    assume(key != KEY)
    with pytest.raises(BadTicket):
        read(key, TICKET, AT)


def test_a_refusal_does_not_repeat_the_ticket():
    with pytest.raises(BadTicket) as caught:
        read(KEY, TICKET[:-1], AT)
    assert str(caught.value) == ""
