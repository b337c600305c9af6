"""Letters on this installation: where they go, and the doctor's look at it."""

from collections.abc import Callable
from datetime import datetime

from app.findings import Finding, fail, info, ok
from app.language import Sentence, say
from app.settings import Settings
from notify.carrier import Carrier, Postponed
from notify.io.files import FileCarrier
from notify.io.service import PostRoom
from notify.io.smtp import SmtpCarrier, connected
from notify.mail_server import MailServer
from store.io.database import Database


def post_room(settings: Settings, database: Database, clock: Callable[[], datetime]) -> PostRoom:
    """Return what sends letters: by the mail server, or without one into the data folder's `mail`."""
    mail = settings.mail
    carrier: Carrier = (
        FileCarrier(settings.mail_dir) if mail.server is None else SmtpCarrier(mail.server, mail.sender.domain)
    )
    return PostRoom(database, carrier, mail.sender, clock)


async def mail(settings: Settings) -> Finding:
    """Return where letters go, once the mail server has let us in; it is given none."""
    server = settings.mail.server
    if server is None:
        return info(
            "mail",
            say(
                "No mail server is set (--smtp-url): letters are not sent but written into {folder}.",
                folder=settings.mail_dir,
            ),
        )
    try:
        client = await connected(server, settings.mail.sender.domain)
    except Postponed as error:
        return fail("mail", _trouble(error.problem, server))
    client.close()
    return ok(
        "mail",
        say(
            "The mail server {host} takes letters on, from {address}.",
            host=server.host,
            address=settings.mail.sender.address,
        ),
    )


def _trouble(problem: str, server: MailServer) -> Sentence:
    if problem == "tls":
        return say(
            "The mail server {host} offers no encryption, or its certificate is not valid: look at the name and the "
            "port in --smtp-url.",
            host=server.host,
        )
    if problem == "log_in":
        return say(
            "The mail server {host} does not let {user} in: look at user and password in --smtp-url.",
            host=server.host,
            user=server.user,
        )
    return say(
        "The mail server {host} does not answer on port {port}: look at --smtp-url and at firewalls on the way.",
        host=server.host,
        port=server.port,
    )
