"""Names of people."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.names import BadName, person_name


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  M.   Dupont\t", "M. Dupont"),
        ("Zoe\u0308", "Zoë"),
        ("O\u2019Brien-N\u00a0guyễn", "O\u2019Brien-N guyễn"),
        ("क्\u200dष", "क्\u200dष"),
        ("A" * 80, "A" * 80),
    ],
)
def test_a_name_is_kept_as_it_reads(typed: str, kept: str):
    assert person_name(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " \t\n",
        "A" * 81,
        "a\x00b",
        "\u202eevil",
        "\u200d",
        "\ud800",
        "\u2066x",
        "\u3164",
        "\u2800",
        "\u115f",
        "\ufe0f",
        "a" + "\u0301" * 9,
        "☺",
    ],
)
def test_what_nobody_can_read_is_refused(typed: str):
    with pytest.raises(BadName):
        person_name(typed)


@given(st.text(max_size=100))
def test_any_text_is_a_readable_name_or_refused(typed: str):
    try:
        name = person_name(typed)
    except BadName:
        return
    assert 1 <= len(name) <= 80
    assert person_name(name) == name
    assert not {unicodedata.category(c) for c in name} & {"Cc", "Cs", "Cn"}
    name.encode()
