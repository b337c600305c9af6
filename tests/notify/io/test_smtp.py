"""Letters to a real mail server: encrypted, logged in, refused, cut off."""

import socket
from collections.abc import Iterator
from datetime import datetime

import pytest

from notify.address import sender
from notify.carrier import Postponed, Rejected, Superseded, Unclear
from notify.io import smtp
from notify.io.smtp import SmtpCarrier
from notify.letters import PayLink, words
from notify.mail_server import MailServer, Security
from notify.outgoing import Outgoing, outgoing
from store.ids import LetterId
from tests.notify.io.mail_house import PASSWORD, USER, MailHouse, certificate, mail_house
from tests.notify.samples import TO, letter

# The library warns of a server that takes passwords without STARTTLS: one that is encrypted from the start.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")

FROM = sender("Visio <visio@example.org>")


@pytest.fixture
def house() -> Iterator[MailHouse]:
    with mail_house() as house:
        yield house


@pytest.fixture
def message(at: datetime) -> Outgoing:
    return outgoing(LetterId("ltr_AAAAAAAAAAAAAAAAAAAAAA"), words(letter(PayLink), str), "fr", FROM, TO, at)


class Begun:
    """Counts how often the text was about to leave."""

    def __init__(self) -> None:
        self.times = 0

    async def __call__(self) -> None:
        self.times += 1


def plain(house: MailHouse, user: str = "", password: str = "") -> SmtpCarrier:
    return SmtpCarrier(MailServer("127.0.0.1", house.port, Security.NONE, user, password), FROM.domain)


async def test_a_letter_arrives_byte_for_byte(house: MailHouse, message: Outgoing):
    carrier, begun = plain(house), Begun()
    await carrier.carry(message, begun)
    await carrier.rest()
    assert house.contents == [message.content]
    assert house.recipients == [TO]
    assert begun.times == 1


async def test_letters_that_are_due_together_share_a_connection(house: MailHouse, message: Outgoing):
    carrier = plain(house)
    for _ in range(3):
        await carrier.carry(message, Begun())
    await carrier.rest()
    assert len(house.contents) == 3
    assert house.connections == 1


async def test_a_connection_that_the_server_closed_meanwhile_is_made_anew(house: MailHouse, message: Outgoing):
    carrier = plain(house)
    await carrier.carry(message, Begun())
    assert carrier._client is not None
    carrier._client.transport.abort()
    await carrier.carry(message, Begun())
    await carrier.rest()
    assert len(house.contents) == 2


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
async def test_a_letter_goes_encrypted_and_logged_in(message: Outgoing, tmp_path, security: Security):
    server, client = certificate(tmp_path)
    with mail_house(server, implicit=security is Security.TLS, login=True) as house:
        carrier = SmtpCarrier(MailServer("localhost", house.port, security, USER, PASSWORD), FROM.domain, client)
        await carrier.carry(message, Begun())
        await carrier.rest()
    assert house.contents == [message.content]
    assert house.encrypted == [True]


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
@pytest.mark.parametrize("name", ["localhost", "elsewhere.example"])
async def test_a_certificate_of_nobody_or_of_another_gets_neither_letter_nor_password(
    message: Outgoing, tmp_path, security: Security, name: str
):
    server, client = certificate(tmp_path, name)
    # Of "localhost" it is right, but nobody vouches for it here.
    trusting = client if name != "localhost" else None
    with mail_house(server, implicit=security is Security.TLS, login=True) as house:
        carrier = SmtpCarrier(MailServer("localhost", house.port, security, USER, PASSWORD), FROM.domain, trusting)
        begun = Begun()
        with pytest.raises(Postponed) as postponed:
            await carrier.carry(message, begun)
    assert (postponed.value.problem, postponed.value.unreachable) == ("tls", True)
    assert (begun.times, house.contents) == (0, [])


async def test_a_server_without_starttls_gets_nothing_where_it_is_demanded(house: MailHouse, message: Outgoing):
    carrier = SmtpCarrier(MailServer("127.0.0.1", house.port, Security.STARTTLS, USER, PASSWORD), FROM.domain)
    with pytest.raises(Postponed) as postponed:
        await carrier.carry(message, Begun())
    assert postponed.value.problem == "tls"
    assert house.contents == []


async def test_a_server_that_nobody_can_log_in_to_says_so(house: MailHouse, message: Outgoing):
    with pytest.raises(Postponed) as postponed:
        await plain(house, USER, PASSWORD).carry(message, Begun())
    assert postponed.value.problem == "log_in"


async def test_a_wrong_password_says_so(message: Outgoing, tmp_path):
    server, client = certificate(tmp_path)
    with mail_house(server, login=True) as house:
        wrong = MailServer("localhost", house.port, Security.STARTTLS, USER, "wrong")
        with pytest.raises(Postponed) as postponed:
            await SmtpCarrier(wrong, FROM.domain, client).carry(message, Begun())
    assert postponed.value.problem == "log_in"


async def test_nobody_there_is_a_matter_for_later(house: MailHouse, message: Outgoing):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    begun = Begun()
    with pytest.raises(Postponed) as postponed:
        await SmtpCarrier(MailServer("127.0.0.1", port, Security.NONE), FROM.domain).carry(message, begun)
    assert (postponed.value.problem, postponed.value.unreachable, begun.times) == ("unreachable", True, 0)


async def test_a_server_that_says_nothing_is_left_before_the_text(message: Outgoing, monkeypatch):
    monkeypatch.setattr(smtp, "ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        begun = Begun()
        with pytest.raises(Postponed):
            await SmtpCarrier(MailServer("127.0.0.1", mute.getsockname()[1], Security.NONE), "x").carry(message, begun)
    assert begun.times == 0


@pytest.mark.parametrize(
    ("answer", "error", "problem"),
    [
        ("550 5.1.1 No such mailbox", Rejected, "smtp_550"),
        ("553 Never heard of them", Rejected, "smtp_553"),
        ("450 4.2.1 Greylisted", Postponed, "smtp_450"),
        ("554 5.7.1 Relay access denied", Postponed, "smtp_554"),
    ],
)
async def test_a_mailbox_that_is_refused_is_told_from_one_that_is_full(
    house: MailHouse, message: Outgoing, answer: str, error: type[Exception], problem: str
):
    house.rcpt = lambda _: answer
    carrier, begun = plain(house), Begun()
    with pytest.raises(error) as refused:
        await carrier.carry(message, begun)
    assert (refused.value.problem, begun.times) == (problem, 0)  # type: ignore[attr-defined]
    # The next letter is not harmed.
    house.rcpt = lambda _: "250 OK"
    await carrier.carry(message, begun)
    await carrier.rest()
    assert house.contents == [message.content]


@pytest.mark.parametrize(("answer", "error"), [("554 Looks like spam", Rejected), ("451 Disk full", Postponed)])
async def test_a_text_that_is_refused_was_not_taken(house: MailHouse, message: Outgoing, answer: str, error):
    house.data = lambda: answer
    with pytest.raises(error):
        await plain(house).carry(message, Begun())
    assert house.contents == []


async def test_no_answer_to_the_text_leaves_a_doubt(house: MailHouse, message: Outgoing):
    house.on_data = lambda server: server.transport.abort()
    with pytest.raises(Unclear):
        await plain(house).carry(message, Begun())
    assert house.contents == [message.content]


async def test_a_letter_that_became_anothers_is_not_handed_over(house: MailHouse, message: Outgoing):
    async def superseded() -> None:
        raise Superseded

    carrier = plain(house)
    with pytest.raises(Superseded):
        await carrier.carry(message, superseded)
    assert house.contents == []
    await carrier.carry(message, Begun())
    await carrier.rest()
    assert house.contents == [message.content]
