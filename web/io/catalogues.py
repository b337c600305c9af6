"""The translations: gettext catalogues (.po) read at start, uncompiled. A msgid is the English sentence."""

from collections.abc import Mapping
from pathlib import Path

from babel.messages.pofile import read_po

from web.languages import LANGUAGES, Language


class Catalogues:
    """Every sentence in every language; one that is missing, empty or fuzzy stays English."""

    def __init__(self, folder: Path) -> None:
        self._texts = {language: _read(folder / language / "LC_MESSAGES" / "messages.po") for language in LANGUAGES}

    def text(self, language: Language, msgid: str) -> str:
        """Return the sentence in that language."""
        return self._texts[language].get(msgid) or msgid

    def catalogue(self, language: Language) -> Mapping[str, str]:
        """Return all of a language's sentences by msgid, for the scripts of a page."""
        return self._texts[language]


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    with path.open("rb") as file:
        messages = read_po(file)
    return {
        message.id: message.string or message.id
        for message in messages
        if isinstance(message.id, str) and message.id and isinstance(message.string, str) and not message.fuzzy
    }
