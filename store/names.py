"""One line of text that names a person, as people type it."""

import unicodedata
from itertools import groupby

LONGEST = 80
# Letters by their category that show nothing: the Hangul fillers.
_BLANK_LETTERS = "\u115f\u1160\u3164\uffa0"
# Vietnamese has two, Devanagari and Thai three; towers of accents cover the lines around them.
_MARKS_TOGETHER = 4


class BadName(ValueError):
    """Theirs: nothing to read in it, more than 80 characters, or characters that are not shown."""


def person_name(text: str) -> str:
    """Return the name in Unicode's composed form with single spaces. Raises `BadName`."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name or len(name) > LONGEST:
        raise BadName("a name has 1 to 80 characters")
    if has_hidden(name):
        raise BadName("a name has visible characters only")
    if not any(unicodedata.category(c)[0] in "LN" and c not in _BLANK_LETTERS for c in name):
        raise BadName("a name has letters or digits")
    if any(len(list(marks)) > _MARKS_TOGETHER for mark, marks in groupby(name, _is_mark) if mark):
        raise BadName("a name has letters under its accents")
    return name


def has_hidden(text: str) -> bool:
    """Whether there are characters in it that are not shown, or that change how others are."""
    # Cc, Cs, Cn and Cf but for the joiners that some scripts need: direction marks could disguise a name in a list.
    return any(unicodedata.category(c) in {"Cc", "Cs", "Cn", "Cf"} and c not in "\u200c\u200d" for c in text)


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"
