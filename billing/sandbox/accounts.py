"""Connected accounts, and what they still have to show before money is paid out to them.

A new account may charge at once, so that a trial needs no ceremony; payouts wait until nothing is due. `require` asks
for more later, and may stop charges too, as Stripe does when a deadline has passed.
"""

from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from billing.sandbox.books import Books
from billing.sandbox.errors import ApiError
from billing.sandbox.events import announce
from billing.sandbox.records import Account, AccountLink
from billing.sandbox.tickets import may_return_to

# What Stripe asks of a new practitioner (https://docs.stripe.com/connect/required-verification-information).
DUE_AT_FIRST = (
    "business_profile.url",
    "individual.verification.document",
    "individual.verification.additional_document",
)
_DEADLINE = timedelta(days=30)
_LINK_LIVES = timedelta(minutes=5)


class FeesPayer(msgspec.Struct, frozen=True, kw_only=True):
    """`controller.fees`."""

    payer: str = "account"


class Losses(msgspec.Struct, frozen=True, kw_only=True):
    """`controller.losses`."""

    payments: str = "stripe"


class Dashboard(msgspec.Struct, frozen=True, kw_only=True):
    """`controller.stripe_dashboard`."""

    type: str = "full"


class Controller(msgspec.Struct, frozen=True, kw_only=True):
    """`controller`."""

    fees: FeesPayer = FeesPayer()
    losses: Losses = Losses()
    stripe_dashboard: Dashboard = Dashboard()
    requirement_collection: str = "stripe"


class Capability(msgspec.Struct, frozen=True, kw_only=True):
    """One of `capabilities`."""

    requested: bool = False


class CreateAccount(msgspec.Struct, frozen=True, kw_only=True):
    """POST /v1/accounts."""

    country: str
    email: str = ""
    business_type: str = ""
    default_currency: str = "eur"
    controller: Controller = Controller()
    capabilities: dict[str, Capability] = {}
    metadata: dict[str, str] = {}
    expand: list[str] = []


class CreateAccountLink(msgspec.Struct, frozen=True, kw_only=True):
    """POST /v1/account_links."""

    account: str
    type: str
    return_url: str
    refresh_url: str
    expand: list[str] = []


def create(books: Books, _platform: str, asked: CreateAccount, at: datetime) -> Account:
    """Return a new account. Raises `ApiError`: as with Stripe, who pays for losses also pays the fees."""
    if asked.controller.losses.payments == "application" and asked.controller.fees.payer == "account":
        raise ApiError(400, "", "losses by the application need its fees too.", param="controller")
    account = Account(
        id=books.new_id(Account),
        created=at,
        email=asked.email,
        country=asked.country,
        currency=asked.default_currency,
        metadata=asked.metadata,
        due=DUE_AT_FIRST,
        deadline=at + _DEADLINE,
        controller=msgspec.to_builtins(asked.controller),
        requested=tuple(name for name, wanted in asked.capabilities.items() if wanted.requested),
    )
    return books.put(account)


def create_link(books: Books, _platform: str, asked: CreateAccountLink, at: datetime) -> AccountLink:
    """Return a one-time link to the onboarding page. Raises `ApiError`."""
    if books.acting(asked.account) is None or asked.type != "account_onboarding":
        raise ApiError(400, "", "An account and type=account_onboarding are needed.", param="account")
    for name, url in (("return_url", asked.return_url), ("refresh_url", asked.refresh_url)):
        if not may_return_to(url, books.install.public_origin):
            raise ApiError(400, "url_invalid", "Neither a path nor under the public address.", param=name)
    return books.put(
        AccountLink(
            id=books.new_id(AccountLink),
            account=asked.account,
            created=at,
            return_url=asked.return_url,
            refresh_url=asked.refresh_url,
            expires=at + _LINK_LIVES,
        )
    )


def open_link(books: Books, name: str, at: datetime) -> tuple[AccountLink, bool]:
    """Return the link and whether it may still be followed; following it uses it up. Raises `KeyError`."""
    link = books.known(AccountLink, name)
    good = not link.used and at < link.expires
    if good:
        link = books.put(replace(link, used=True))
    return link, good


def give(books: Books, name: str, item: str, at: datetime) -> Account:
    """Take one of the missing items as given; what is not missing changes nothing."""
    account = books.known(Account, name)
    if item not in account.due:
        return account
    due = tuple(other for other in account.due if other != item)
    return _changed(books, replace(account, due=due, deadline=account.deadline if due else None), at)


def require(books: Books, name: str, items: tuple[str, ...], at: datetime, *, can_charge: bool = True) -> Account:
    """Ask the account for more, or (with `can_charge` false) stop its charges. Raises `KeyError`."""
    account = books.known(Account, name)
    deadline = at + _DEADLINE if items else None
    return _changed(books, replace(account, due=items, deadline=deadline, can_charge=can_charge), at)


def _changed(books: Books, account: Account, at: datetime) -> Account:
    account = books.put(account)
    announce(books, "account.updated", account, at, account=account.id)
    return account
