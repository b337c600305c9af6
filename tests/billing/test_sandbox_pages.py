"""The hosted pages as a person meets them: card form, the bank's question, onboarding, dashboard."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import aiohttp
import pytest

import billing.sandbox
from billing.gateway import AuthoriseCard, CaptureHold, CreateAccount, Intent, IntentState, SaveCard
from billing.sandbox.accounts import DUE_AT_FIRST
from billing.sandbox.io.gateway import SandboxGateway
from billing.sandbox.io.server import Sandbox
from billing.sandbox.tickets import BadTicket, Purpose, Ticket, may_return_to, read, signed

FOLDER = Path(billing.sandbox.__file__).parent
CARD = {"expiry": "12/40", "cvc": "123"}


class Clinic:
    """A sandbox, its gateway and a browser that follows no redirect by itself."""

    def __init__(self, sandbox: Sandbox, gateway: SandboxGateway, browser: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.gateway = gateway
        self.browser = browser
        self.account = ""
        self.hour = timedelta()

    async def intent(self, *, save: bool = False) -> Intent:
        key = f"k{len(self.sandbox.books.operations)}"
        asked = (
            SaveCard(self.account, "row") if save else AuthoriseCard(self.account, "row", 8_650, "EUR", capture=False)
        )
        made = await self.gateway.perform(asked, key)
        assert isinstance(made, Intent)
        return made

    async def get(self, path: str, **headers: str) -> tuple[int, str, str]:
        async with self.browser.get(self.sandbox.url + path, allow_redirects=False, headers=headers) as answer:
            return answer.status, await answer.text(), answer.headers.get("Location", "")

    async def post(self, path: str, **form: str) -> tuple[int, str, str]:
        async with self.browser.post(self.sandbox.url + path, data=form, allow_redirects=False) as answer:
            return answer.status, await answer.text(), answer.headers.get("Location", "")

    async def open(self, intent: Intent, lang: str = "en") -> str:
        """Return the ticket of the open card form."""
        status, text, _ = await self.get(self.gateway.card_form_url(intent, "/c/1?from=card", lang))
        assert status == 200
        return ticket_in(text)

    async def state(self, intent: Intent) -> IntentState:
        found = await self.gateway.find(self.account, intent.id)
        assert isinstance(found, Intent)
        return found.state


def ticket_in(text: str) -> str:
    match = re.search(r'name="ticket" value="([^"]+)"', text)
    assert match is not None
    return unescape(match[1])


def alert_in(text: str) -> str:
    match = re.search(r'role="alert">([^<]+)<', text)
    assert match is not None
    return unescape(match[1])


@pytest.fixture
async def clinic() -> AsyncIterator[Clinic]:
    late = {"by": timedelta()}
    sandbox = Sandbox()
    await sandbox.start(None, lambda: datetime.now(UTC) + late["by"])
    gateway = sandbox.gateway()
    async with aiohttp.ClientSession() as browser:
        clinic = Clinic(sandbox, gateway, browser)
        clinic.late = late  # type: ignore[attr-defined]
        made = await gateway.perform(CreateAccount("p1", "p@practice.example", "FR", "EUR"), "account")
        clinic.account = made.id
        yield clinic
    await gateway.close()
    await sandbox.close()


async def test_a_card_is_entered_and_the_way_leads_back(clinic: Clinic) -> None:
    intent = await clinic.intent()
    url = clinic.gateway.card_form_url(intent, "/c/1?from=card", "en")
    assert intent.client_secret not in url
    status, text, _ = await clinic.get(url)
    assert status == 200
    assert "86.50\N{NO-BREAK SPACE}EUR" in text
    assert "Sandbox: no real money." in text
    answer = await clinic.post("/sandbox/card", ticket=ticket_in(text), number="4242 4242 4242 4242", **CARD)
    assert (answer[0], answer[2]) == (303, "/c/1?from=card")
    assert await clinic.state(intent) is IntentState.HELD
    assert (await clinic.get(url))[2] == "/c/1?from=card"


@pytest.mark.parametrize(
    ("number", "fields", "said"),
    [
        ("4000000000000002", {}, "Your bank has declined the card."),
        ("4000000000009995", {}, "There is not enough money on the card."),
        ("4000000000000069", {}, "The card has expired."),
        ("6011111111111117", {}, "The practice takes Visa, Mastercard and American Express."),
        ("4242424242424241", {}, "The card number is not correct."),
        ("4111111111111111", {}, "The sandbox takes test cards only. Please never enter a real card here."),
        ("4242424242424242", {"expiry": "12/20"}, "The expiry date has passed."),
        ("4242424242424242", {"expiry": "soon"}, "The expiry date is not a date."),
        ("4242424242424242", {"expiry": "13/40"}, "The expiry date is not a date."),
        ("4242424242424242", {"cvc": "12"}, "The security code is not correct."),
        ("378282246310005", {"cvc": "123"}, "The security code is not correct."),
    ],
)
async def test_dat_31_what_is_wrong_with_a_card_is_said_and_it_can_be_tried_again(
    clinic: Clinic, number: str, fields: dict[str, str], said: str
) -> None:
    intent = await clinic.intent()
    ticket = await clinic.open(intent)
    status, text, _ = await clinic.post("/sandbox/card", ticket=ticket, number=number, **{**CARD, **fields})
    assert (status, alert_in(text)) == (402, said)
    assert await clinic.state(intent) is IntentState.NEEDS_CARD
    answer = await clinic.post("/sandbox/card", ticket=ticket, number="5555555555554444", **CARD)
    assert answer[0] == 303


async def test_the_bank_asks_and_both_answers_lead_on(clinic: Clinic) -> None:
    intent = await clinic.intent()
    ticket = await clinic.open(intent)
    _, text, _ = await clinic.post("/sandbox/card", ticket=ticket, number="4000002760003184", **CARD)
    assert "Complete authentication" in text
    _, text, _ = await clinic.post("/sandbox/challenge", ticket=ticket_in(text), outcome="fail")
    assert alert_in(text).startswith("Your bank did not confirm")
    assert await clinic.state(intent) is IntentState.NEEDS_CARD
    await clinic.post("/sandbox/card", ticket=ticket, number="4000002500003155", **CARD)
    assert await clinic.state(intent) is IntentState.NEEDS_ACTION
    answer = await clinic.post("/sandbox/challenge", ticket=ticket, outcome="complete")
    assert answer[2] == "/c/1?from=card"
    assert await clinic.state(intent) is IntentState.HELD


async def test_a_form_sent_twice_holds_once(clinic: Clinic) -> None:
    intent = await clinic.intent()
    ticket = await clinic.open(intent)
    for _ in range(2):
        answer = await clinic.post("/sandbox/card", ticket=ticket, number="4242424242424242", **CARD)
        assert answer[0] == 303
    assert len(clinic.sandbox.books.charges) == 1


async def test_a_card_is_kept_without_an_amount(clinic: Clinic) -> None:
    setup = await clinic.intent(save=True)
    status, text, _ = await clinic.get(clinic.gateway.card_form_url(setup, "/c/1", "fr"))
    assert "Rien n’est prélevé maintenant." in text  # noqa: RUF001 — French
    answer = await clinic.post("/sandbox/card", ticket=ticket_in(text), number="4000002760003184", **CARD)
    await clinic.post("/sandbox/challenge", ticket=ticket_in(answer[1]), outcome="complete")
    assert (status, await clinic.state(setup)) == (200, IntentState.SUCCEEDED)


@pytest.mark.parametrize(
    ("asked", "accepted", "said"),
    [
        ("fr", "en", "Bac à sable\N{NO-BREAK SPACE}: aucun argent réel."),
        ("en", "fr", "Sandbox: no real money."),
        ("", "fr-FR,fr;q=0.9", "Bac à sable\N{NO-BREAK SPACE}: aucun argent réel."),
        ("de", "es", "Sandbox: no real money."),
    ],
)
async def test_pages_speak_english_and_french(clinic: Clinic, asked: str, accepted: str, said: str) -> None:
    url = clinic.gateway.card_form_url(await clinic.intent(), "/", asked)
    assert said in (await clinic.get(url, **{"Accept-Language": accepted}))[1]


async def test_pages_hold_under_the_strictest_policy(clinic: Clinic) -> None:
    url = clinic.sandbox.url + clinic.gateway.card_form_url(await clinic.intent(), "/", "en")
    async with clinic.browser.get(url) as answer:
        text = await answer.text()
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<script|<style|style=|\son\w+=", text)
    (sheet,) = re.findall(r'rel="stylesheet" href="([^"]+)"', text)
    assert (await clinic.get(sheet))[0] == 200
    for name in ("number", "expiry", "cvc"):
        assert f'<label for="{name}">' in text
        assert f'id="{name}"' in text


async def test_a_ticket_opens_one_page_of_one_intent_for_a_while(clinic: Clinic) -> None:
    intent = await clinic.intent()
    url = clinic.gateway.card_form_url(intent, "/", "en")
    ticket = url.partition("ticket=")[2]
    for wrong in ("", "x", f"{ticket}x", ticket[:-4] + "AAAA", "é.é"):
        assert (await clinic.post("/sandbox/card", ticket=wrong, number="4242424242424242", **CARD))[0] == 410
    assert (await clinic.get(f"/sandbox/dashboard?ticket={ticket}"))[0] == 410
    assert (await clinic.post("/sandbox/onboarding", ticket=ticket, item=DUE_AT_FIRST[0]))[0] == 410
    clinic.late["by"] = timedelta(hours=3)  # type: ignore[attr-defined]
    assert (await clinic.get(url))[0] == 410
    assert await clinic.state(intent) is IntentState.NEEDS_CARD


async def test_the_way_back_stays_on_our_site(clinic: Clinic) -> None:
    intent = await clinic.intent()
    for elsewhere in ("https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)"):
        assert (await clinic.get(clinic.gateway.card_form_url(intent, elsewhere, "en")))[0] == 410
        with pytest.raises(ValueError, match="own site"):
            clinic.sandbox.card_form_url(intent.client_secret, elsewhere)
    clinic.sandbox.set_public_origin("https://practice.example/")
    url = clinic.sandbox.card_form_url(intent.client_secret, "https://practice.example/c/1", "en")
    assert (await clinic.get(url))[0] == 200
    with pytest.raises(LookupError):
        clinic.sandbox.card_form_url("sbx_pi_1_secret_guess", "/")


@pytest.mark.parametrize(
    ("url", "origin", "may"),
    [
        ("/c/1", "", True),
        ("//evil", "", False),
        ("/\\evil", "", False),
        ("/a\nb", "", False),
        ("https://p.example/x", "https://p.example", True),
        ("https://p.example.evil/x", "https://p.example", False),
        ("https://p.example/x", "", False),
        ("", "https://p.example", False),
    ],
)
def test_where_a_page_may_lead(url: str, origin: str, may: bool) -> None:
    assert may_return_to(url, origin) is may


def test_a_ticket_is_bound_to_its_key_and_purpose(at: datetime) -> None:
    ticket = Ticket(purpose=Purpose.CARD, object="sbx_pi_1", expires=at + timedelta(seconds=1))
    text = signed(ticket, "key")
    assert read(text, Purpose.CARD, "key", at) == ticket
    for purpose, key, when in (
        (Purpose.DASHBOARD, "key", at),
        (Purpose.CARD, "other", at),
        (Purpose.CARD, "key", at + timedelta(seconds=1)),
    ):
        with pytest.raises(BadTicket):
            read(text, purpose, key, when)


async def test_fac_1_to_8_what_is_missing_is_given_item_by_item(clinic: Clinic) -> None:
    url = await clinic.gateway.onboarding_url(clinic.account, "/desk", "/desk/again")
    status, text, _ = await clinic.get(f"{url}&lang=fr")
    assert (status, text.count('name="item"')) == (200, 4)
    for count, item in enumerate(DUE_AT_FIRST, start=1):
        _, text, _ = await clinic.post("/sandbox/onboarding", ticket=ticket_in(text), item=item)
        account = await clinic.gateway.find("", clinic.account)
        assert account.missing == DUE_AT_FIRST[count:]  # type: ignore[union-attr]
    assert "Rien ne manque." in text
    answer = await clinic.post("/sandbox/onboarding", ticket=ticket_in(text), item="")
    assert answer[2] == "/desk"
    assert (await clinic.get(url))[2] == "/desk/again"
    assert (await clinic.get("/sandbox/onboarding?link=sbx_link_guess"))[0] == 410


async def test_the_dashboard_shows_balance_payouts_and_what_is_missing(clinic: Clinic) -> None:
    intent = await clinic.intent()
    clinic.sandbox.enter_card(intent.id)
    await clinic.gateway.perform(CaptureHold(clinic.account, intent.id, 8_650, "EUR", 1_000), "capture")
    url = clinic.gateway.dashboard_url(clinic.account)
    _, text, _ = await clinic.get(f"{url}&lang=fr")
    assert "74,95\N{NO-BREAK SPACE}EUR" in text
    assert "Pièce d’identité" in unescape(text)  # noqa: RUF001 — French
    clinic.sandbox.require(clinic.account, ())
    clinic.sandbox.advance(timedelta(days=7))
    _, text, _ = await clinic.get(f"{url}&lang=fr")
    assert "<td>en route</td>" in text


async def test_pages_need_no_key_and_the_api_does(clinic: Clinic) -> None:
    assert (await clinic.get("/v1/balance"))[0] == 401
    assert (await clinic.get("/sandbox/static/sandbox.css"))[0] == 200
    assert (await clinic.get("/sandbox/static/../words.py"))[0] == 404


def test_both_languages_have_the_same_words() -> None:
    english, french = (json.loads((FOLDER / "locales" / f"{lang}.json").read_text()) for lang in ("en", "fr"))
    assert english.keys() == french.keys()
    assert all(english[name] and french[name] for name in english)
    assert all(re.findall(r"{\w+}", english[name]) == re.findall(r"{\w+}", french[name]) for name in english)
