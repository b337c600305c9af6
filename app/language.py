"""Sentences for people at the terminal: English in the code, French in the catalogue beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po

CATALOGUE = Path(__file__).parent / "locales" / "fr.po"


@dataclass(frozen=True, slots=True)
class Sentence:
    """An English sentence with `{named}` places, and what stands in them."""

    english: str
    values: Mapping[str, object]

    def told(self, language: str) -> str:
        """Return the finished sentence in `fr` or `en`; an untranslated one stays English."""
        template = _french().get(self.english, self.english) if language == "fr" else self.english
        return template.format_map(self.values)


class Refused(Exception):
    """Visavis cannot do what was asked, and the sentence tells the person at the terminal why and what to do."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(sentence.told("en"))
        self.sentence = sentence


def say(english: str, **values: object) -> Sentence:
    """Return the sentence. `english` is a literal: a test compares all of them with the catalogue."""
    return Sentence(english, values)


def terminal_language(environ: Mapping[str, str]) -> str:
    """Return `fr` when the first of LC_ALL, LC_MESSAGES and LANG that is set starts so (POSIX), else `en`."""
    chosen = environ.get("LC_ALL") or environ.get("LC_MESSAGES") or environ.get("LANG") or ""
    return "fr" if chosen.startswith("fr") else "en"


@cache
def _french() -> dict[str, str]:
    with CATALOGUE.open("rb") as file:
        catalogue = read_po(file, locale="fr")
    return {str(message.id): str(message.string) for message in catalogue if message.id and message.string}
