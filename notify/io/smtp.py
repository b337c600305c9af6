"""Letters by SMTP (RFC 5321): one connection for those that are due together."""

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponse,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from notify.carrier import Postponed, Rejected, Unclear
from notify.mail_server import MailServer, Security
from notify.outgoing import Outgoing

# For each answer before the text. All of them together fit into a letter's first lease (notify.io.service).
ANSWER_SECONDS = 15.0
# RFC 5321 §4.5.3.2 gives a server minutes to take a text: who hangs up earlier sends it twice.
TEXT_SECONDS = 300.0

# RFC 3463: x.7.y is about permission, such as a relay that does not know us, and not about the mailbox.
_POLICY = re.compile(r"^[45]\.7\.")


class SmtpCarrier:
    """Gives letters to a server. `context` decides whose certificates count; by default the system's."""

    files_only = False

    def __init__(self, server: MailServer, our_name: str, context: ssl.SSLContext | None = None) -> None:
        self._server = server
        self._our_name = our_name
        self._context = context
        self._client: SMTP | None = None

    async def carry(self, outgoing: Outgoing, begin: Callable[[], Awaitable[None]]) -> None:
        """Hand the letter over: see `notify.carrier.Carrier`."""
        client = await self._ready_for(outgoing)
        try:
            await begin()
        except BaseException:
            # The envelope that is open there would swallow the next letter's.
            await self.rest()
            raise
        try:
            await client.data(outgoing.content, timeout=TEXT_SECONDS)
        except SMTPDataError as error:
            await self.rest()
            raise _refusal(error) from error
        except (SMTPException, OSError) as error:
            await self.rest()
            raise Unclear from error
        except asyncio.CancelledError:
            client.close()
            raise

    async def rest(self) -> None:
        """Say goodbye and hang up."""
        client, self._client = self._client, None
        if client is None or not client.is_connected:
            return
        try:
            await client.quit(timeout=ANSWER_SECONDS)
        except (SMTPException, OSError):
            client.close()

    async def _ready_for(self, outgoing: Outgoing) -> SMTP:
        """Return the connection with the letter's envelope told. Nothing of the letter is there yet."""
        if self._client is not None and self._client.is_connected:
            try:
                return await self._addressed(self._client, outgoing)
            except (Postponed, Rejected):
                raise
            except (SMTPException, OSError):
                # A server may hang up on who was silent for a while.
                await self.rest()
        self._client = await connected(self._server, self._our_name, self._context)
        try:
            return await self._addressed(self._client, outgoing)
        except (SMTPException, OSError) as error:
            await self.rest()
            raise Postponed("unreachable", unreachable=True) from error

    async def _addressed(self, client: SMTP, outgoing: Outgoing) -> SMTP:
        try:
            await client.mail(outgoing.sender)
            await client.rcpt(outgoing.recipient)
        except SMTPRecipientRefused as error:
            await self.rest()
            raise _refusal(error) from error
        except SMTPResponseException as error:
            # Said about us and not about this letter: right again once the operator has set things right.
            await self.rest()
            raise Postponed(f"sender_{error.code}", unreachable=True) from error
        return client


async def connected(server: MailServer, our_name: str, context: ssl.SSLContext | None = None) -> SMTP:
    """Return a connection on which letters can be given. Raises `Postponed`: `tls`, `log_in` or `unreachable`."""
    client = SMTP(
        hostname=server.host,
        port=server.port,
        use_tls=server.security is Security.TLS,
        start_tls=False,
        tls_context=context or ssl.create_default_context(),
        local_hostname=our_name,
        timeout=ANSWER_SECONDS,
    )
    try:
        await client.connect()
        if server.security is Security.STARTTLS:
            await _said(client.starttls(), "tls")
        if server.user:
            await _said(client.login(server.user, server.password), "log_in")
    except BaseException as error:
        client.close()
        if isinstance(error, SMTPException | OSError):
            encryption = isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError)
            raise Postponed("tls" if encryption else "unreachable", unreachable=True) from error
        raise
    return client


async def _said(step: Awaitable[SMTPResponse], problem: str) -> None:
    """Take a step. What the server says against it is a problem of its own; that it says nothing is not."""
    try:
        await step
    except (SMTPServerDisconnected, SMTPTimeoutError):
        raise
    except SMTPException as error:
        raise Postponed(problem, unreachable=True) from error


def _refusal(error: SMTPResponseException) -> Postponed | Rejected:
    problem = f"smtp_{error.code}"
    if error.code >= 500 and not _POLICY.match(error.message):
        return Rejected(problem)
    return Postponed(problem)
