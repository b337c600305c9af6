from datetime import datetime
from email import message_from_bytes
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.address import BadAddress, mail_address, sender
from notify.io.catalogue import translation
from notify.letters import AccountIncomplete, PayLink, words
from notify.outgoing import outgoing
from store.ids import LetterId
from tests.notify.samples import KINDS, TO, URL, letter

ID = LetterId("ltr_AAAAAAAAAAAAAAAAAAAAAA")
FROM = sender("Téléconsultation <visio@example.org>")
HEADERS = {
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Content-Language",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
}
# What one would type to get a header of one's own into a mail.
hostile = st.lists(
    st.sampled_from(["\r\n", "\n", "\r", "Bcc: x@example.org", "\0", "\u2028", "\x85", "é", "a", " ", "<", '"', "="]),
    max_size=12,
).map("".join) | st.text(max_size=60)


def parsed(content: bytes):
    return message_from_bytes(content, policy=SMTP)


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_letter_is_plain_text_and_the_same_in_html(kind, language, at: datetime) -> None:
    text = words(letter(kind, language), translation(language))
    message = parsed(outgoing(ID, text, language, FROM, TO, at).content)
    assert set(message) == HEADERS
    assert message["Subject"] == text.subject
    assert message["To"].addresses[0].addr_spec == TO
    assert (message["From"].addresses[0].display_name, message["From"].addresses[0].addr_spec) == (
        "Téléconsultation",
        "visio@example.org",
    )
    assert message["Message-ID"] == f"<{ID}@example.org>"
    assert message["Date"].datetime == at.replace(microsecond=0)
    plain, html = message.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    for paragraph in text.paragraphs:
        assert paragraph in plain.get_content()
    assert URL in plain.get_content().split()
    assert f'<a href="{URL}">' in html.get_content()
    assert f'<html lang="{language}">' in html.get_content()


def test_nothing_in_it_is_fetched_from_anywhere(at: datetime) -> None:
    html = list(parsed(outgoing(ID, words(letter(PayLink), str), "fr", FROM, TO, at).content).iter_parts())[1]
    assert html.get_content().count("http") == 1
    assert "<img" not in html.get_content()


def test_every_try_sends_the_same_bytes(at: datetime) -> None:
    made = {outgoing(ID, words(letter(PayLink), str), "fr", FROM, TO, at) for _ in range(3)}
    assert len(made) == 1


@given(name=hostile, amount=hostile)
def test_no_value_becomes_a_header_or_markup(name: str, amount: str) -> None:
    at = datetime.fromisoformat("2026-03-28T09:30:15+00:00")
    text = words(letter(PayLink, practitioner=name, amount=amount), str)
    content = outgoing(ID, text, "fr", FROM, TO, at).content
    message = parsed(content)
    assert set(message) == HEADERS
    assert message["Subject"] == "Your payment link"
    plain, html = message.iter_parts()
    assert not any(part.defects for part in (message, plain, html))
    assert html.get_content().count("<p") == 2 + len(text.paragraphs)
    # RFC 5321 §4.5.3.1.6: no line of more than 998 octets, and CR and LF together only.
    assert max(len(line) for line in content.split(b"\r\n")) <= 998
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert b"\r" not in content.replace(b"\r\n", b"")


@given(hostile)
def test_no_senders_name_becomes_a_header(name: str) -> None:
    at = datetime.fromisoformat("2026-03-28T09:30:15+00:00")
    try:
        who = sender(f"{name} <visio@example.org>")
    except BadAddress:
        return
    message = parsed(outgoing(ID, words(letter(PayLink), str), "fr", who, TO, at).content)
    assert set(message) == HEADERS
    assert [address.addr_spec for address in message["From"].addresses] == ["visio@example.org"]


@given(hostile)
def test_no_address_becomes_a_header(text: str) -> None:
    at = datetime.fromisoformat("2026-03-28T09:30:15+00:00")
    try:
        to = mail_address(f"{text}@example.org")
    except BadAddress:
        return
    message = parsed(outgoing(ID, words(letter(PayLink), str), "fr", FROM, to, at).content)
    assert set(message) == HEADERS
    assert len(message["To"].addresses) == 1


def test_a_list_is_one_in_both_forms(at: datetime) -> None:
    text = words(letter(AccountIncomplete, missing=("<b>une pièce</b>",)), str)
    plain, html = parsed(outgoing(ID, text, "fr", FROM, TO, at).content).iter_parts()
    assert "- <b>une pièce</b>" in plain.get_content()
    assert "<li>&lt;b&gt;une pièce&lt;/b&gt;</li>" in html.get_content()
