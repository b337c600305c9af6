"""The letters' sentences in French; English is in the code."""

from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po

from notify.letters import Language, Translate

CATALOGUE = Path(__file__).parent.parent / "locales" / "fr.po"


def translation(language: Language) -> Translate:
    """Return the function from an English sentence to one in that language."""
    return _in_french if language == "fr" else str


def _in_french(english: str) -> str:
    return _french().get(english, english)


@cache
def _french() -> dict[str, str]:
    with CATALOGUE.open("rb") as file:
        catalogue = read_po(file, locale="fr")
    return {str(message.id): str(message.string) for message in catalogue if message.id and message.string}
