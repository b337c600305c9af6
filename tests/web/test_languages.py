import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.languages import LANGUAGES, negotiate


@pytest.mark.parametrize(
    ("chosen", "header", "expected"),
    [
        (None, None, "fr"),
        (None, "", "fr"),
        (None, "en", "en"),
        (None, "en-GB,en;q=0.9", "en"),
        (None, "EN-us", "en"),
        (None, "de,en;q=0.5", "en"),
        (None, "de", "fr"),
        (None, "fr;q=0.8, en;q=0.9", "en"),
        (None, "fr, en", "fr"),
        (None, "en, fr", "en"),
        (None, "en;q=0, de", "fr"),
        (None, "*", "fr"),
        (None, "en;q=2", "fr"),
        (None, "en;q=abc", "fr"),
        (None, "en;q=nan", "fr"),
        (None, "en;level=1", "fr"),
        ("en", "fr", "en"),
        ("fr", "en", "fr"),
        ("de", "en", "en"),
        ("../en", "fr", "fr"),
    ],
)
def test_the_choice_wins_then_the_browser_then_french(chosen, header, expected):
    assert negotiate(chosen, header) == expected


@given(st.text(), st.text())
def test_any_header_gives_a_language(chosen, header):
    assert negotiate(chosen, header) in LANGUAGES


async def test_a_page_speaks_the_browsers_language_and_the_choice_is_remembered(practice):
    assert '<html lang="fr"' in await (await practice.get("/login")).text()
    answer = await practice.get("/login", {"Accept-Language": "en"})
    assert '<html lang="en"' in await answer.text()
    assert answer.headers["Vary"] == "Accept-Language, Cookie"
    chosen = await practice.form("/language", lang="en", next="/login")
    assert (chosen.status, chosen.headers["Location"]) == (303, "/login")
    cookie = chosen.cookies["visavis_language"]
    assert (cookie.value, cookie["samesite"], cookie["httponly"]) == ("en", "Lax", True)
    answer = await practice.get("/login", {"Cookie": "visavis_language=en", "Accept-Language": "fr"})
    assert '<html lang="en"' in await answer.text()


async def test_an_unknown_language_is_the_default_one(practice):
    assert (await practice.form("/language", lang="xx", next="/")).cookies["visavis_language"].value == "fr"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "javascript:alert(1)",
        "evil.example",
        "",
        " /desk",
        "/" + "a" * 600,
        "/é",
    ],
)
async def test_a_change_of_language_never_leads_to_another_site(practice, elsewhere):
    answer = await practice.form("/language", lang="en", next=elsewhere)
    assert (answer.status, answer.headers["Location"]) == (303, "/")


@pytest.mark.parametrize("own", ["/", "/desk", "/join", "/consultations/con_x", "/desk?a=b"])
async def test_a_change_of_language_leads_back(practice, own):
    assert (await practice.form("/language", lang="en", next=own)).headers["Location"] == own
