"""Which language a page is in: what the visitor chose, else what the browser asks for, else French."""

from typing import Literal

Language = Literal["fr", "en"]
LANGUAGES: tuple[Language, ...] = ("fr", "en")
DEFAULT: Language = "fr"

# More ranges than any browser sends: a longer header is not worth reading to its end.
_MAX_RANGES = 20


def language(text: str | None) -> Language | None:
    """Return the language that `text` names exactly, or None."""
    return next((known for known in LANGUAGES if known == text), None)


def negotiate(chosen: str | None, accept_language: str | None) -> Language:
    """Return the language: a valid choice wins, then `Accept-Language` (RFC 9110 §12.5.4), then `DEFAULT`."""
    return language(chosen) or _asked(accept_language or "") or DEFAULT


def _asked(header: str) -> Language | None:
    best: Language | None = None
    best_quality = 0.0
    for part in header.split(",")[:_MAX_RANGES]:
        name, _, parameters = part.strip().partition(";")
        found = language(name.strip().partition("-")[0].lower()) or (DEFAULT if name.strip() == "*" else None)
        quality = _quality(parameters)
        if found is not None and quality > best_quality:
            best, best_quality = found, quality
    return best


def _quality(parameters: str) -> float:
    key, _, value = parameters.strip().partition("=")
    if not key:
        return 1.0
    try:
        quality = float(value) if key.strip() == "q" else 0.0
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
