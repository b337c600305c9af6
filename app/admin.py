"""`visavis admin …`: practitioners and API keys in the data folder's database."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from agenda.io.administrators import Administrators
from agenda.io.credentials import KeptKey
from agenda.people import BadEmail, EmailTaken, WeakPassword
from app import data_folder
from app.language import Refused, say, terminal_language
from app.settings import Settings, add_options, read_settings
from app.wiring import opened_records
from store.names import BadName

# Long enough to be passed on by hand, short enough to be worthless in next week's chat history.
LINK_LIFETIME = timedelta(hours=24)


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `admin` and what stands under it."""
    parser = commands.add_parser(
        "admin", help="make practitioners and API keys, take keys back", exit_on_error=False, allow_abbrev=False
    )
    parser.set_defaults(run=_without_command)
    actions = parser.add_subparsers(metavar="COMMAND", title="commands")

    _add_person(
        actions, "create-practitioner", "make a validated practitioner", "name that patients see", _create_practitioner
    )
    _add_person(
        actions,
        "create-administrator",
        "make one who runs the platform",
        "name that other administrators see",
        _create_administrator,
    )

    key = actions.add_parser("create-key", help="make a key for the REST API", exit_on_error=False, allow_abbrev=False)
    key.add_argument("--label", default="", metavar="TEXT", help="what the key is for")
    key.add_argument(
        "--practitioner", default="", metavar="EMAIL", help="limit the key to one practitioner (default: all of them)"
    )
    add_options(key)
    key.set_defaults(run=_create_key)

    keys = actions.add_parser(
        "list-keys", help="show the keys' ids and labels", exit_on_error=False, allow_abbrev=False
    )
    add_options(keys)
    keys.set_defaults(run=_list_keys)

    revoked = actions.add_parser("revoke-key", help="take a key back", exit_on_error=False, allow_abbrev=False)
    revoked.add_argument("key_id", metavar="KEY_ID", help="as list-keys shows it")
    add_options(revoked)
    revoked.set_defaults(run=_revoke_key)


def _add_person(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
    command: str,
    purpose: str,
    name: str,
    run: Callable[[argparse.Namespace], int],
) -> None:
    parser = actions.add_parser(command, help=purpose, exit_on_error=False, allow_abbrev=False)
    parser.add_argument("--email", default="", metavar="EMAIL", help="address to log in with")
    parser.add_argument("--name", default="", metavar="NAME", help=name)
    parser.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the password from the first line of standard input; without it a one-time log-in link is printed",
    )
    add_options(parser)
    parser.set_defaults(run=run)


def _without_command(_arguments: argparse.Namespace) -> int:
    raise Refused(say("Say what to do with visavis admin: see visavis admin --help."))


def _create_practitioner(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments, os.environ)
    password = sys.stdin.readline().rstrip("\r\n") if arguments.password_stdin else None
    data_folder.prepare(settings.data)
    link = asyncio.run(_new_practitioner(settings, arguments.email, arguments.name, password))
    if link is None:
        print(say("Made. They log in with this address and the password.").told(_language()))
    else:
        print(link)
    return 0


async def _new_practitioner(settings: Settings, email: str, name: str, password: str | None) -> str | None:
    at = datetime.now(UTC)
    async with opened_records(settings) as records:
        with _refusing():
            practitioner = await records.agenda.create_practitioner(email, name, password, at)
        if password is not None:
            return None
        token = await records.credentials.create_login_link(practitioner.id, "/desk", at, LINK_LIFETIME)
    return f"{_site(settings)}/open#{token}"


def _create_administrator(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments, os.environ)
    password = sys.stdin.readline().rstrip("\r\n") if arguments.password_stdin else None
    data_folder.prepare(settings.data)
    link = asyncio.run(_new_administrator(settings, arguments.email, arguments.name, password))
    if link is None:
        print(say("Made. They log in at {url} with this address.", url=f"{_site(settings)}/admin").told(_language()))
    else:
        print(link)
    return 0


async def _new_administrator(settings: Settings, email: str, name: str, password: str | None) -> str | None:
    at = datetime.now(UTC)
    async with opened_records(settings) as records:
        administrators = Administrators(records.database)
        with _refusing():
            administrator = await administrators.create(email, name, password, at)
        if password is not None:
            return None
        token = await administrators.create_link(administrator.id, at, LINK_LIFETIME)
    return f"{_site(settings)}/admin/open#{token}"


def _site(settings: Settings) -> str:
    web = data_folder.running_web(settings.data)
    return settings.public_url or (web.url if web else settings.url())


def _language() -> str:
    return terminal_language(os.environ)


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn what is wrong with a new account into a sentence."""
    try:
        yield
    except BadEmail as error:
        raise Refused(say("--email takes an e-mail address like camille.martin@example.org.")) from error
    except BadName as error:
        raise Refused(say("--name takes a name of 1 to 80 characters.")) from error
    except WeakPassword as error:
        raise Refused(say("The password is too short: use 12 characters or more.")) from error
    except EmailTaken as error:
        raise Refused(say("Somebody with this e-mail address exists already.")) from error


def _create_key(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments, os.environ)
    if not arguments.label.strip():
        raise Refused(say("--label is missing: say what the key is for, to know it again later."))
    data_folder.prepare(settings.data)
    print(asyncio.run(_new_key(settings, arguments.label.strip(), arguments.practitioner)))
    return 0


async def _new_key(settings: Settings, label: str, email: str) -> str:
    async with opened_records(settings) as records:
        practitioner = await records.agenda.practitioner_by_email(email) if email else None
        if email and practitioner is None:
            raise Refused(say("There is no practitioner with this e-mail address."))
        return await records.credentials.create_key(label, practitioner.id if practitioner else None, datetime.now(UTC))


def _list_keys(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments, os.environ)
    data_folder.prepare(settings.data)
    everybody = say("all practitioners").told(_language())
    for key in asyncio.run(_keys(settings)):
        print(key.id, f"{key.created_at:%Y-%m-%d}", key.email or everybody, key.label, sep="  ")
    return 0


async def _keys(settings: Settings) -> list[KeptKey]:
    async with opened_records(settings) as records:
        return await records.credentials.keys()


def _revoke_key(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments, os.environ)
    data_folder.prepare(settings.data)
    if not asyncio.run(_revoked(settings, arguments.key_id)):
        raise Refused(say("There is no key with this id: see visavis admin list-keys."))
    print(say("Taken back: the key opens nothing any more.").told(_language()))
    return 0


async def _revoked(settings: Settings, key_id: str) -> bool:
    async with opened_records(settings) as records:
        return await records.credentials.revoke_key(key_id)
