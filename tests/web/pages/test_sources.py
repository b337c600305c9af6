"""What holds for the sources of the pages: their words, their types of messages, and what they never do."""

import re
from pathlib import Path
from typing import get_args

import pytest
from babel.messages.pofile import read_po

from billing import kyc
from signalling import protocol
from tests.web.pages.walks import NAMES

WEB = Path(__file__).parents[3] / "web"
SCRIPTS = sorted((WEB / "static" / "js").glob("*.js"))
TEMPLATES = sorted((WEB / "templates").glob("*.html"))
TEXT = r'"((?:[^"\\]|\\.)*)"'
# These stand in the contract with tests and screen readers as they are typed.
WITH_PLAIN_APOSTROPHE = {NAMES["fr"]["waiting"], NAMES["fr"]["share"]}


def catalogue(language: str) -> dict[str, str]:
    with (WEB / "locales" / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file) if message.id}


def msgids() -> set[str]:
    found: set[str] = set()
    for pattern, paths in [
        (rf"_\({TEXT}", TEMPLATES),
        (rf"\bt\(\s*{TEXT}", SCRIPTS),
        (rf"\bsentence\(\s*{TEXT}", sorted(WEB.rglob("*.py"))),
    ]:
        for path in paths:
            found.update(re.findall(pattern, path.read_text()))
    # Said of a practitioner's account: billing names them, the pages translate them.
    return found | set(kyc.SENTENCES)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_sentence_is_translated_and_none_is_left_over(language: str) -> None:
    assert set(catalogue(language)) == msgids()
    assert [msgid for msgid, text in catalogue(language).items() if not text] == []


@pytest.mark.parametrize("language", ["fr", "en"])
def test_translations_have_the_same_places_to_fill(language: str) -> None:
    for msgid, text in catalogue(language).items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", msgid)), msgid


def test_french_is_set_as_french_is_printed() -> None:
    for text in catalogue("fr").values():
        assert text in WITH_PLAIN_APOSTROPHE or "'" not in text, text
        assert not re.search(r"[^\u00a0\u202f][:;!?»]", re.sub(r"https?:|\w:\d", "", text)), text
        assert not re.search(r"«[^\u00a0]", text), text


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_names_in_the_contract_stand_as_they_are(language: str) -> None:
    texts = set(catalogue(language).values())
    assert set(NAMES[language].values()) <= texts


def test_scripts_know_every_message_of_the_protocol() -> None:
    text = (WEB / "static" / "js" / "messages.js").read_text()
    messages = [*get_args(protocol.Opening), *get_args(protocol.Request), *get_args(protocol.Event)]
    tags = {message.__struct_config__.tag for message in messages}
    assert set(re.findall(r'\{type: "(\w+)"', text)) == tags


@pytest.mark.parametrize("path", [*SCRIPTS, *TEMPLATES], ids=lambda path: path.name)
def test_pages_write_no_html_and_carry_no_inline_style_or_script(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    assert not re.search(r"\sstyle=|\son[a-z]+=\"|javascript:", text)
    assert not re.search(r"<script(?![^>]*(?:src=|application/json))", text)


@pytest.mark.parametrize("path", [*SCRIPTS, *TEMPLATES], ids=lambda path: path.name)
def test_a_file_holds_one_idea(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300
