"""What is printed below a practitioner's name."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenda.receipt_lines import BadReceiptLines, receipt_lines


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", ()),
        (" \r\n\t\n", ()),
        ("  5  rue\tNeuve \r\n\r\n75001 Paris\r\n", ("5 rue Neuve", "75001 Paris")),
        ("Cafe\u0301\rb\u2028c", ("Café", "b", "c")),
        ("\n".join("abcdef"), tuple("abcdef")),
        ("A" * 80, ("A" * 80,)),
    ],
)
def test_lines_are_kept_as_they_read_without_empty_ones(typed: str, kept: tuple[str, ...]):
    assert receipt_lines(typed) == kept


@pytest.mark.parametrize("typed", ["\n".join("abcdefg"), "A" * 81, "a\x00b", "a\x1bb", "a\u202eb", "\ud800"])
def test_more_lines_longer_ones_and_hidden_characters_are_refused(typed: str):
    with pytest.raises(BadReceiptLines):
        receipt_lines(typed)


@given(st.text(max_size=300))
def test_any_text_is_printable_lines_or_refused(typed: str):
    try:
        lines = receipt_lines(typed)
    except BadReceiptLines:
        return
    assert len(lines) <= 6
    assert all(1 <= len(line) <= 80 for line in lines)
    assert not {unicodedata.category(c) for line in lines for c in line} & {"Cc", "Cs", "Cn"}
    assert receipt_lines("\n".join(lines)) == lines
    assert tuple("\n".join(lines).splitlines()) == lines
