"""What a practitioner has printed below their name on receipts: an address, professional numbers."""

import unicodedata

from store.names import has_hidden

MOST_LINES = 6
LONGEST_LINE = 80


class BadReceiptLines(ValueError):
    """Theirs: more than 6 lines, one of more than 80 characters, or characters that are not shown."""


def receipt_lines(text: str) -> tuple[str, ...]:
    """Return the lines in Unicode's composed form with single spaces, empty ones left out. Raises `BadReceiptLines`."""
    typed = (" ".join(line.split()) for line in unicodedata.normalize("NFC", text).splitlines())
    lines = tuple(line for line in typed if line)
    if len(lines) > MOST_LINES:
        raise BadReceiptLines("a receipt takes 6 lines")
    if any(len(line) > LONGEST_LINE for line in lines):
        raise BadReceiptLines("a line takes 80 characters")
    if any(has_hidden(line) for line in lines):
        raise BadReceiptLines("a line has visible characters only")
    return lines
