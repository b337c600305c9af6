"""Every sentence of pages, scripts and server stands in both catalogues, translated, and no other does."""

import ast
import json
import re
from pathlib import Path

import jinja2
import pytest
from babel.messages.pofile import read_po
from jinja2.ext import extract_from_ast

from billing import kyc

WEB = Path(__file__).resolve().parents[2] / "web"

_STRING = r"""(?P<quote>["'`])(?P<text>(?:\\.|(?!(?P=quote)).)*)(?P=quote)"""
_CALL = re.compile(r"(?<![\w.$])t\(\s*" + _STRING + r"\s*(?P<next>[,)])", re.DOTALL)
_ANY_CALL = re.compile(r"(?<![\w.$])t\((?!\))")
_COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'`\\])//[^\n]*", re.DOTALL)
_PLACE = re.compile(r"\{(\w+)\}")


def of_templates() -> set[str]:
    found = set()
    for path in sorted((WEB / "templates").rglob("*.html")):
        tree = jinja2.Environment(autoescape=True).parse(path.read_text())
        for line, _, message in extract_from_ast(tree, gettext_functions=("_",)):
            msgid = message if isinstance(message, str) else message[0]
            assert msgid, f"{path.name}:{line}: _() takes a sentence, not a variable"
            found.add(msgid)
    return found


def of_script(text: str, name: str) -> set[str]:
    text = _COMMENT.sub("", text).replace("function t(", "function (")
    calls = list(_CALL.finditer(text))
    assert len(calls) == len(_ANY_CALL.findall(text)), f"{name}: t() takes one literal sentence"
    return {_plain(call["text"], call["quote"]) for call in calls}


def _plain(text: str, quote: str) -> str:
    assert quote != "`" or "${" not in text, f"a sentence holds its values as {{name}}: {text}"
    if quote != '"':
        text = text.replace(f"\\{quote}", quote).replace('"', '\\"')
    plain: str = json.loads(f'"{text}"')
    return plain


def of_scripts() -> set[str]:
    return {
        sentence
        for path in sorted((WEB / "static" / "js").rglob("*.js"))
        for sentence in of_script(path.read_text(), path.name)
    }


def of_python() -> set[str]:
    found = set()
    for path in sorted(WEB.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "sentence":
                text = node.args[0]
                assert isinstance(text, ast.Constant), f"{path.name}:{node.lineno}: sentence() takes a literal"
                found.add(text.value)
    return found


def catalogue(language: str):
    with (WEB / "locales" / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return {message.id: message for message in read_po(file, abort_invalid=True) if message.id}


@pytest.fixture(scope="module")
def used() -> set[str]:
    return of_templates() | of_scripts() | of_python() | set(kyc.SENTENCES)


def test_the_extractor_sees_sentences_in_every_kind_of_file():
    assert of_python()
    assert of_scripts()
    assert of_templates()
    assert of_script("t('a\\'b'); x.t(1); t(\"c\", { n }); // t(1)\nt(`d`)", "x.js") == {"a'b", "c", "d"}
    with pytest.raises(AssertionError):
        of_script("t(name)", "x.js")
    with pytest.raises(AssertionError):
        of_script('t("a" + b)', "x.js")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_sentence_used_is_in_the_catalogue(used, language):
    assert sorted(used - set(catalogue(language))) == []


@pytest.mark.parametrize("language", ["fr", "en"])
def test_no_sentence_in_the_catalogue_is_stale(used, language):
    assert sorted(set(catalogue(language)) - used) == []


def test_every_french_sentence_is_written_and_final():
    french = catalogue("fr")
    assert [msgid for msgid, message in french.items() if not message.string or message.fuzzy] == []


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_translation_keeps_the_places_of_its_sentence(language):
    wrong = [
        msgid
        for msgid, message in catalogue(language).items()
        if message.string and sorted(_PLACE.findall(msgid)) != sorted(_PLACE.findall(message.string))
    ]
    assert wrong == []
