"""Who letters come from and which server takes them on."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.language import Refused, say
from notify.address import BadAddress, Sender, sender
from notify.mail_server import BadServer, MailServer, mail_server

# Where letters are files only, nobody answers them.
_NOBODY = Sender("Visavis", "visavis@localhost")


@dataclass(frozen=True, slots=True)
class MailSettings:
    """`server` None: letters are files in the data folder."""

    server: MailServer | None
    sender: Sender


def read_mail(given: Mapping[str, str]) -> MailSettings:
    """Return the settings. Raises `Refused`; no sentence repeats the URL, which may hold a password."""
    try:
        server = mail_server(given["smtp-url"]) if given["smtp-url"] else None
    except BadServer as error:
        raise Refused(
            say(
                "--smtp-url takes an address like smtp://user:password@mail.example.org:587 (STARTTLS) or smtps://…; "
                "without encryption only to this machine, or without a password and with ?tls=no."
            )
        ) from error
    if not given["mail-from"]:
        if server is not None:
            raise Refused(say("--smtp-url needs --mail-from, the address that letters come from."))
        return MailSettings(None, _NOBODY)
    try:
        return MailSettings(server, sender(given["mail-from"]))
    except BadAddress as error:
        raise Refused(
            say(
                "--mail-from takes an address like visio@example.org or “Practice <visio@example.org>”, not “{text}”.",
                text=given["mail-from"],
            )
        ) from error
