"""One line of text that names a person, as people type it."""

import unicodedata

LONGEST = 80


class BadName(ValueError):
    """Theirs: nothing to read in it, more than 80 characters, or characters that are not shown."""


def person_name(text: str) -> str:
    """Return the name in Unicode's composed form with single spaces. Raises `BadName`."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name or len(name) > LONGEST:
        raise BadName("a name has 1 to 80 characters")
    # Cc, Cs, Cn and Cf but for the joiners that some scripts need: direction marks could disguise a name in a list.
    if any(unicodedata.category(c) in {"Cc", "Cs", "Cn", "Cf"} and c not in "\u200c\u200d" for c in name):
        raise BadName("a name has visible characters only")
    if all(c in "\u200c\u200d" for c in name):
        raise BadName("a name has visible characters")
    return name
