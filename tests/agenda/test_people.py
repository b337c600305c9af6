"""Practitioners: addresses and passwords that can be."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenda.people import BadEmail, WeakPassword, check_password, mailbox


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Claire.Martin@Example.ORG ", "claire.martin@example.org"),
        ("a+b@localhost", "a+b@localhost"),
        ("zoé@école.fr", "zoé@école.fr"),
    ],
)
def test_an_address_is_kept_as_it_is_compared(typed: str, kept: str):
    assert mailbox(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "a",
        "a@",
        "@b",
        "a@b@c",
        "a b@c",
        "a@b..c",
        "a@.b",
        "a@b.",
        "a\n@b",
        "a@b\x00",
        "<a@b>",
        "a,b@c",
        "a" * 65 + "@b",
        "a@" + "b." * 130 + "c",
        "\ud800@b",
    ],
)
def test_what_cannot_be_an_address_is_refused(typed: str):
    with pytest.raises(BadEmail):
        mailbox(typed)


@given(st.one_of(st.text(max_size=300), st.emails(), st.from_regex(re.compile(r"[a.]{0,90}@[b.]{0,300}"))))
def test_any_text_is_an_address_or_refused(typed: str):
    try:
        email = mailbox(typed)
    except BadEmail:
        return
    assert mailbox(email) == email
    email.encode()


def test_a_password_of_eleven_characters_is_refused_and_one_of_twelve_is_taken():
    with pytest.raises(WeakPassword):
        check_password("eleven char")
    check_password("twelve chars")
