"""The demonstration: a practitioner, a consultation that is free and one that is not, both now, an administrator."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from agenda.consultation import JoinWindow
from agenda.io.administrators import Administrators
from agenda.people import EmailTaken
from app.wiring import Records, Running
from billing.agreement import When
from billing.tariff import Basis, Tariff
from store.ids import PractitionerId
from web.views import invitation_url, room_path

PRACTITIONER = "Dr Camille Martin"
EMAIL = "camille.martin@demo.example"
PATIENT = "Alex Dupont"
PAYING = "Léa Bernard"
ADMINISTRATOR = "Dominique Leroy"
ADMINISTRATOR_EMAIL = "dominique.leroy@demo.example"
MINUTES = 30
# 2.00 a minute, the first one free: enough to see the meter run.
PER_MINUTE = 200
FREE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Demo:
    """The links, each for one browser, and a key for the REST API that acts for the practitioner."""

    practitioner_url: str
    patient_url: str
    api_key: str
    paid_patient_url: str
    administrator_url: str


async def make_demo(site: Running, url: str, window: JoinWindow, at: datetime) -> Demo:
    """Return a demonstration on the site at `url`; its people are made at the first one in a data folder.

    The practitioner's link is good until the consultation's join window closes.
    """
    records = site.records
    practitioner = await records.agenda.practitioner_by_email(EMAIL)
    if practitioner is None:
        practitioner = await records.agenda.create_practitioner(EMAIL, PRACTITIONER, None, at)
    await _connect(site, practitioner.id, at)
    consultation = await records.agenda.plan(practitioner.id, PATIENT, at, MINUTES, at)
    paid = await records.agenda.plan(practitioner.id, PAYING, at, MINUTES, at)
    currency = site.money.billing.settings.currency
    tariff = Tariff(currency=currency, basis=Basis.PER_MINUTE, per_minute=PER_MINUTE, free_seconds=FREE_SECONDS)
    await site.money.billing.prices.set(paid.id, practitioner.id, tariff, When.HOLD, at, MINUTES * 60, at)
    lifetime = window.closes_at(consultation) - at
    link = await records.credentials.create_login_link(practitioner.id, room_path(consultation.id), at, lifetime)
    invitation, priced = [await records.lobby.invite(one.id, at) for one in (consultation, paid)]
    key = await records.credentials.create_key("demo", practitioner.id, at)
    return Demo(
        f"{url}/open#{link}",
        invitation_url(url, invitation),
        key,
        invitation_url(url, priced),
        f"{url}/admin/open#{await _administrator_link(records, at, lifetime)}",
    )


async def _connect(site: Running, practitioner: PractitionerId, at: datetime) -> None:
    """Let the practitioner be paid, where no money moves: the sandbox takes everything as given."""
    if site.money.sandbox is None:
        return
    connect = site.money.billing.connect
    account = await connect.begin(practitioner, EMAIL, "", at)
    if not account.kyc.can_charge:
        site.money.sandbox.require(account.id, ())
        await connect.look(practitioner, at)


async def _administrator_link(records: Records, at: datetime, lifetime: timedelta) -> str:
    administrators = Administrators(records.database)
    try:
        made = (await administrators.create(ADMINISTRATOR_EMAIL, ADMINISTRATOR, None, at)).id
    except EmailTaken:
        made = await administrators.id_of(ADMINISTRATOR_EMAIL)
    return await administrators.create_link(made, at, lifetime)
