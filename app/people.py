"""What billing has to know of people, from the agenda: who issues a receipt, which consultations are whose."""

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agenda.io.tables import consultations, practitioners
from billing.io.people import People
from billing.receipt import Issuer
from store.ids import PractitionerId


async def _issuer_of(tx: AsyncConnection, practitioner: PractitionerId) -> Issuer:
    of = practitioners.c
    row = (await tx.execute(select(of.name, of.receipt_lines, of.time_zone).where(of.id == practitioner))).one()
    return Issuer(row.name, tuple(row.receipt_lines.splitlines()), row.time_zone)


def _consultations_of(practitioner: PractitionerId) -> Select[Any]:
    return select(consultations.c.id.label("consultation"), consultations.c.patient_name.label("patient")).where(
        consultations.c.practitioner == practitioner
    )


PEOPLE = People(_issuer_of, _consultations_of)
