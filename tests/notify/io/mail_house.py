"""A real mail server on this machine that keeps what it gets and does what a test tells it."""
# ruff: noqa: ARG002, N802  # the handlers' names and arguments are the library's

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bench.io.ports import free_port

USER, PASSWORD = "visio@example.org", "p:/ss word"


@dataclass
class MailHouse:
    """What arrived. `rcpt` and `data`: answers to give instead of taking; `on_data` runs before the answer."""

    port: int = field(default_factory=free_port)
    contents: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    connections: int = 0
    rcpt: Callable[[str], str] = lambda _: "250 OK"
    data: Callable[[], str] = lambda: "250 OK"
    on_data: Callable[[SMTP], None] = lambda _: None

    async def handle_EHLO(
        self, server: SMTP, session: Session, _: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.rcpt(address)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = self.data()
        if answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.contents.append(envelope.content)
            self.recipients += envelope.rcpt_tos
            self.encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        self.on_data(server)
        return answer

    def message_ids(self) -> list[str]:
        """Return each message's id, in the order of arrival."""
        lines = [line for content in self.contents for line in content.split(b"\r\n") if line.startswith(b"Message-ID")]
        return [line.decode() for line in lines]


@contextmanager
def mail_house(
    tls: ssl.SSLContext | None = None, *, implicit: bool = False, login: bool = False
) -> Iterator[MailHouse]:
    """Run one. With `tls` STARTTLS is demanded, or with `implicit` the connection begins encrypted."""
    house = MailHouse()
    options: dict[str, Any] = {}
    if tls is not None and not implicit:
        options |= {"tls_context": tls, "require_starttls": True}
    if login:
        options |= {"authenticator": _authenticate, "auth_required": True, "auth_require_tls": "tls_context" in options}
    controller = Controller(
        house, hostname="127.0.0.1", port=house.port, ssl_context=tls if implicit else None, **options
    )
    controller.start()
    try:
        yield house
    finally:
        controller.stop()


def _authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    good = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False)


def certificate(folder: Path, name: str = "localhost") -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return a server's context with a certificate of its own for `name`, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file, secret = folder / "certificate.pem", folder / "key.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file, secret)
    return server, ssl.create_default_context(cafile=str(file))
