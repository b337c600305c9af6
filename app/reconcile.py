"""`visavis reconcile`: compares the books with the payment provider, and prints every difference."""

import argparse
import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from app import data_folder
from app.language import Refused, Sentence, say, terminal_language
from app.money import Money, now, opened_money
from app.settings import Settings, add_options, read_settings
from app.wiring import opened_records
from billing.gateway import GatewayRefused, GatewayUnclear
from billing.reconciling import Difference, DifferenceKind
from store.bus import Bus
from store.io.bus import LocalBus
from store.io.database import Database
from store.io.outbox import Outbox

# Opens billing with its provider; a test gives its own.
MoneyOpener = Callable[[Settings, Database, Outbox, Bus, bytes], AbstractAsyncContextManager[Money]]


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `reconcile`."""
    parser = commands.add_parser(
        "reconcile",
        help="compare the books with the payment provider, and print every difference",
        exit_on_error=False,
        allow_abbrev=False,
    )
    parser.add_argument("--account", default=None, metavar="ID", help="one practitioner's account only")
    add_options(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments, os.environ)
    data_folder.prepare(settings.data)
    language = terminal_language(os.environ)
    found = asyncio.run(reconciled(settings, arguments.account))
    for difference in found:
        print(_told(difference).told(language))
    if not found:
        print(say("No differences: the books and the payment provider agree.").told(language))
    return 1 if found else 0


async def reconciled(
    settings: Settings, account: str | None, opener: MoneyOpener = opened_money
) -> Sequence[Difference]:
    """Return every difference that nobody has accepted. Raises `Refused`.

    What is settled on the way is told by the running web side: here nobody listens, so nothing is delivered.
    """
    async with opened_records(settings) as records:
        outbox = Outbox(records.database, None)
        try:
            async with opener(settings, records.database, outbox, LocalBus(), records.key) as money:
                return await money.billing.reconciliation.run(now(), account)
        except sqlite3.OperationalError as error:
            raise Refused(
                say("The sandbox is in use by the Visavis that runs here, which reconciles by itself every hour.")
            ) from error
        except (GatewayUnclear, GatewayRefused) as error:
            raise Refused(say("The payment provider does not answer, or refuses: try again later.")) from error


_SENTENCES: dict[DifferenceKind, Callable[[Difference], Sentence]] = {
    DifferenceKind.MISSING_POSTING: lambda one: say(
        "{object}: {theirs} moved at the provider and is not in the books.", **_places(one)
    ),
    DifferenceKind.MISSING_TRANSACTION: lambda one: say(
        "{object}: {ours} is in the books, and the provider does not have it.", **_places(one)
    ),
    DifferenceKind.WRONG_AMOUNT: lambda one: say("{object}: booked {ours}, moved {theirs}.", **_places(one)),
    DifferenceKind.FOREIGN_CHARGE: lambda one: say("{object}: {theirs} was not taken by Visavis.", **_places(one)),
    DifferenceKind.FOREIGN_REFUND: lambda one: say("{object}: {theirs} was not given back by Visavis.", **_places(one)),
    DifferenceKind.FOREIGN_DISPUTE: lambda one: say(
        "{object}: {theirs} is disputed, and the payment is none of Visavis.", **_places(one)
    ),
    DifferenceKind.UNKNOWN_TRANSACTION: lambda one: say(
        "{object}: {theirs} is a movement that Visavis does not book.", **_places(one)
    ),
    DifferenceKind.PAYMENT_WITHOUT_CAPTURE: lambda one: say(
        "{object}: {ours} counts as paid, and {theirs} was taken.", **_places(one)
    ),
    DifferenceKind.CAPTURE_WITHOUT_PAYMENT: lambda one: say(
        "{object}: {theirs} was taken, and {ours} counts as paid.", **_places(one)
    ),
    DifferenceKind.OVERPAID: lambda one: say(
        "{object}: {theirs} was taken, more than the {ours} that were due.", **_places(one)
    ),
    DifferenceKind.UNREADABLE: lambda one: say(
        "{object}: the provider lists a movement that Visavis cannot read.", **_places(one)
    ),
    DifferenceKind.UNKNOWN_OPERATION: lambda one: say(
        "{object}: nobody knows whether the provider has carried this out ({ours}).", **_places(one)
    ),
    DifferenceKind.UNKNOWN_HOLD: lambda one: say("{object}: nobody knows what became of this hold.", **_places(one)),
    DifferenceKind.PAYOUT_RETURNED: lambda one: say(
        "{object}: the bank sent the payout of {ours} back.", **_places(one)
    ),
    DifferenceKind.REFUND_FAILED: lambda one: say(
        "{object}: the patient's bank sent the refund of {ours} back; give it back in another way.", **_places(one)
    ),
    DifferenceKind.UNBALANCED: lambda one: say(
        "{object}: the entries of this posting leave {ours}; they must come to nothing.", **_places(one)
    ),
    DifferenceKind.WRONG_COMMISSION: lambda one: say(
        "{object}: the commission is {ours_or_none} in the books and {theirs_or_none} at the provider.", **_places(one)
    ),
}


def _told(difference: Difference) -> Sentence:
    return _SENTENCES[difference.kind](difference)


def _places(one: Difference) -> dict[str, object]:
    return {
        "object": one.object,
        "ours": one.ours,
        "theirs": one.theirs,
        "ours_or_none": one.ours or "-",
        "theirs_or_none": one.theirs or "-",
    }
