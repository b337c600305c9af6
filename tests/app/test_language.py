import ast
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from app import language
from app.language import CATALOGUE, say, terminal_language

SOURCES = Path(language.__file__).parent


def sentences() -> set[str]:
    said = set()
    for path in SOURCES.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
                text = node.args[0]
                assert isinstance(text, ast.Constant), f"{path.name}:{node.lineno} says no literal"
                said.add(text.value)
    return said


def test_every_sentence_is_there_in_french_and_no_other() -> None:
    with CATALOGUE.open("rb") as file:
        french = {str(message.id): str(message.string) for message in read_po(file, locale="fr") if message.id}
    assert set(french) == sentences()
    assert all(french.values())


def test_both_languages_have_the_same_places() -> None:
    for english in sentences():
        places = re.findall(r"\{(\w+)\}", english)
        values = {name: f"<{name}>" for name in places}
        french = say(english, **values).told("fr")
        assert french != say(english, **values).told("en")
        assert set(re.findall(r"<(\w+)>", french)) == set(places)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LANG": "fr_CA"}, "fr"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "fr_FR.UTF-8"}, "fr"),
        ({"LANG": "fr_FR.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "fr_FR.UTF-8", "LC_ALL": ""}, "fr"),
    ],
)
def test_the_terminals_language_follows_posix(environ: dict[str, str], expected: str) -> None:
    assert terminal_language(environ) == expected
