"""A letter as it leaves: one MIME message, the same bytes at every try, so that a second copy is known as one."""

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import jinja2

from notify.address import Sender
from notify.letters import Words
from store.ids import LetterId

_HTML = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True).from_string(
    """\
<!DOCTYPE html>
<html lang="{{ language }}">
<head><meta charset="utf-8"><title>{{ words.subject }}</title></head>
<body style="font-family: sans-serif; font-size: 16px; line-height: 1.5; color: #1a1a1a; max-width: 36em">
{% for paragraph in words.paragraphs %}
<p>{{ paragraph }}</p>
{% endfor %}
{% if words.items %}
<ul>
{% for item in words.items %}
<li>{{ item }}</li>
{% endfor %}
</ul>
{% endif %}
<p><a href="{{ words.url }}">{{ words.label }}</a></p>
<p style="font-size: 14px; color: #555">{{ words.foot }}</p>
</body>
</html>
"""
)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message with its envelope. `name` is a file's name, the same at every try."""

    name: str
    sender: str
    recipient: str
    content: bytes


def outgoing(letter: LetterId, words: Words, language: str, sender: Sender, recipient: str, at: datetime) -> Outgoing:
    """Return the message that was written at `at`, for an address that `mail_address` returned.

    A header with a line break raises `ValueError` (email.policy); none gets that far, as subjects hold no values.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(display_name=sender.name, addr_spec=sender.address)
    message["To"] = Address(addr_spec=recipient)
    message["Subject"] = words.subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{letter}@{sender.domain}>"
    # RFC 3834 §5: no holiday reply is wanted.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_plain(words), cte="quoted-printable")
    message.add_alternative(_HTML.render(words=words, language=language), subtype="html", cte="quoted-printable")
    # The library's own boundary is a random one, and it drops what was said of the content before there was any.
    message.set_boundary(f"=_{letter}")
    message["Content-Language"] = language
    return Outgoing(f"{at:%Y%m%dT%H%M%S}-{letter}.eml", sender.address, recipient, message.as_bytes())


def _plain(words: Words) -> str:
    items = "\n".join(f"- {item}" for item in words.items)
    link = f"{words.label}\n{words.url}"
    return "\n\n".join(part for part in (*words.paragraphs, items, link, f"-- \n{words.foot}") if part) + "\n"
