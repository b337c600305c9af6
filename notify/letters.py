"""The letters: what each is about, and its words. A msgid is the English sentence; `{places}` take the values.

A letter names the practitioner, and nobody else: not even the patient, whose mailbox others may see. Its subject
holds no value at all, so neither names nor amounts show in a list of mails, and no value can reach a header.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from babel.dates import format_date, format_time

Language = Literal["fr", "en"]
Translate = Callable[[str], str]

# English as it is written beside French: the day before the month, and hours up to 24.
_LOCALES = {"fr": "fr", "en": "en_GB"}


class _Letter(msgspec.Struct, frozen=True, tag_field="kind"):
    to: str
    language: Language
    url: str


class PayLink(_Letter, frozen=True, tag="pay_link"):
    """A patient is asked to pay. `amount` as it is shown, with its currency; `url`: the page to pay on."""

    practitioner: str
    amount: str


class PayLinkAgain(_Letter, frozen=True, tag="pay_link_again"):
    """The same link once more."""

    practitioner: str
    amount: str


class Receipt(_Letter, frozen=True, tag="receipt"):
    """Where a patient finds the receipt."""

    practitioner: str
    amount: str


class AuthoriseAgain(_Letter, frozen=True, tag="authorise_again"):
    """The card's authorisation lapsed before the consultation; `url`: the invitation."""

    practitioner: str
    starts_at: datetime
    time_zone: str


class Refund(_Letter, frozen=True, tag="refund"):
    """Money goes back to a patient; `url`: the credit note."""

    practitioner: str
    amount: str


class AccountIncomplete(_Letter, frozen=True, tag="account_incomplete"):
    """A practitioner is told what the payment provider still asks for; `missing`: in their language."""

    missing: tuple[str, ...]


Letter = PayLink | PayLinkAgain | Receipt | AuthoriseAgain | Refund | AccountIncomplete


@dataclass(frozen=True, slots=True)
class Words:
    """A letter's text. `items`: a list after the last paragraph; `label`: what the link is called."""

    subject: str
    paragraphs: tuple[str, ...]
    items: tuple[str, ...]
    label: str
    url: str
    foot: str


@dataclass(frozen=True, slots=True)
class _Form:
    subject: str
    paragraphs: tuple[str, ...]
    label: str


GREETING = "Hello,"
FOOT = "This message was written automatically: please do not answer it."

FORMS: dict[type[Letter], _Form] = {
    PayLink: _Form(
        "Your payment link",
        (
            "{practitioner} asks you for {amount} for your video consultation.",
            "You pay by card, on a secure page. The link stays the same until the payment is made.",
        ),
        "Pay {amount}",
    ),
    PayLinkAgain: _Form(
        "Your payment link, once more",
        (
            "Here is the link again, to pay {amount} for your video consultation with {practitioner}.",
            "If you have paid in the meantime, there is nothing more to do.",
        ),
        "Pay {amount}",
    ),
    Receipt: _Form(
        "Your receipt",
        (
            "Here is the receipt for {amount}, for your video consultation with {practitioner}.",
            "You can read it and download it at any time.",
        ),
        "Open the receipt",
    ),
    AuthoriseAgain: _Form(
        "Please authorise your card again",
        (
            "Your video consultation with {practitioner} is planned for {date} at {time} ({time_zone}).",
            "The authorisation on your card has lapsed: banks keep one for a few days only. Nothing was charged.",
            "Please authorise your card again before the consultation begins.",
        ),
        "Authorise again",
    ),
    Refund: _Form(
        "Your refund",
        (
            "{amount} that you paid for your video consultation with {practitioner} is on its way back to your card.",
            "Depending on your bank it arrives within five to ten days.",
        ),
        "Open the credit note",
    ),
    AccountIncomplete: _Form(
        "Information is missing for your payouts",
        ("Your payouts wait until the payment provider has received what is listed here.",),
        "Complete my information",
    ),
}


def words(letter: Letter, translate: Translate) -> Words:
    """Return the letter's text; `translate` gives a sentence in the letter's language. Raises `ValueError`.

    `ValueError`: the link is none that a mail program should open.
    """
    if not letter.url.startswith(("https://", "http://")) or any(c.isspace() or ord(c) < 32 for c in letter.url):
        raise ValueError("no link to a page")
    form, values = FORMS[type(letter)], _values(letter)
    return Words(
        subject=translate(form.subject),
        paragraphs=tuple(translate(text).format_map(values) for text in (GREETING, *form.paragraphs)),
        items=tuple(_line(item) for item in letter.missing) if isinstance(letter, AccountIncomplete) else (),
        label=translate(form.label).format_map(values),
        url=letter.url,
        foot=translate(FOOT),
    )


def _values(letter: Letter) -> dict[str, str]:
    if isinstance(letter, AccountIncomplete):
        return {}
    values = {"practitioner": _line(letter.practitioner)}
    if isinstance(letter, AuthoriseAgain):
        where = _zone(letter.time_zone)
        local = letter.starts_at.astimezone(where)
        locale = _LOCALES[letter.language]
        values["date"] = format_date(local.date(), "full", locale=locale)
        values["time"] = format_time(local.time(), "short", locale=locale)
        values["time_zone"] = str(where)
    else:
        values["amount"] = _line(letter.amount)
    return values


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def _line(text: str) -> str:
    """Return the text without line breaks; the spaces within an amount, narrow or not, stay as they are."""
    return " ".join(text.splitlines()).strip()
