import re

import msgspec
import pytest
from babel.messages.pofile import read_po

from notify.io.catalogue import CATALOGUE, translation
from notify.letters import FOOT, FORMS, GREETING, AccountIncomplete, AuthoriseAgain, Letter, PayLink, words
from tests.notify.samples import AMOUNT, KINDS, NAME, TO, URL, letter


def sentences() -> set[str]:
    forms = {text for form in FORMS.values() for text in (form.subject, *form.paragraphs, form.label)}
    return {GREETING, FOOT, *forms}


def test_every_kind_of_letter_has_its_words() -> None:
    assert set(FORMS) == set(KINDS)


def test_every_sentence_is_there_in_french_and_no_other() -> None:
    with CATALOGUE.open("rb") as file:
        french = {str(message.id): str(message.string) for message in read_po(file, locale="fr") if message.id}
    assert set(french) == sentences()
    for english, text in french.items():
        assert text != english
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", english))


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_letter_says_who_how_much_and_where_in_both_languages(kind, language) -> None:
    """FAC-11, DAT-29."""
    sample = letter(kind, language)
    text = words(sample, translation(language))
    whole = "\n".join((text.subject, *text.paragraphs, *text.items, text.label, text.foot))
    assert text.url == URL
    assert "{" not in whole
    assert (NAME in whole) == (kind is not AccountIncomplete)
    assert (AMOUNT in whole) == hasattr(sample, "amount")
    assert ("Bonjour," in whole) == (language == "fr")


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_subject_tells_nobody_who_sees_the_list_of_mails_who_treats_whom(kind, language) -> None:
    subject = words(letter(kind, language), translation(language)).subject
    assert "{" not in FORMS[kind].subject
    assert NAME not in subject
    assert not re.search(r"\d|consultation", subject)


def test_a_patients_name_and_address_are_in_no_letter() -> None:
    for kind in KINDS:
        assert TO not in repr(words(letter(kind), translation("fr")))
        assert not {"patient", "patient_name"} & set(kind.__struct_fields__)


@pytest.mark.parametrize(
    ("language", "zone", "expected"),
    [
        ("fr", "Europe/Paris", "le samedi 28 mars 2026 à 10:30 (Europe/Paris)"),
        ("en", "America/New_York", "for Saturday, 28 March 2026 at 05:30 (America/New_York)"),
        ("fr", "No/Where", "le samedi 28 mars 2026 à 09:30 (UTC)"),
        ("fr", "../../etc/passwd", "le samedi 28 mars 2026 à 09:30 (UTC)"),
    ],
)
def test_the_time_of_a_consultation_is_told_in_the_practitioners_zone(language, zone, expected) -> None:
    text = words(letter(AuthoriseAgain, language, time_zone=zone), translation(language))
    assert expected in text.paragraphs[1]


def test_what_is_missing_is_listed_item_by_item() -> None:
    """FAC-3."""
    assert words(letter(AccountIncomplete), str).items == ("Une pièce à joindre", "Un justificatif de domicile")


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "//evil.example", "https://a b", "https://a\r\nb"])
def test_a_link_that_is_no_link_is_not_written(url: str) -> None:
    with pytest.raises(ValueError, match="link"):
        words(letter(PayLink, url=url), str)


@pytest.mark.parametrize("kind", KINDS)
def test_a_letter_comes_back_from_the_database_as_it_went_in(kind) -> None:
    sample = letter(kind)
    assert msgspec.json.decode(msgspec.json.encode(sample), type=Letter) == sample
