"""The agenda: who practises here, and which consultations are planned."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from agenda.consultation import Consultation, UnknownConsultation, plan
from agenda.io.passwords import hash_password
from agenda.io.tables import consultations, practitioners
from agenda.people import (
    DEFAULT_TIME_ZONE,
    BadEmail,
    EmailTaken,
    Practitioner,
    UnknownPractitioner,
    check_password,
    mailbox,
)
from agenda.receipt_lines import receipt_lines
from store.facts import ConsultationCancelled, ConsultationPlanned
from store.ids import ConsultationId, PractitionerId, Prefix, is_id
from store.io.database import Database
from store.io.entropy import new_id
from store.io.outbox import Outbox
from store.names import person_name

# A statement takes so many parameters only, and should not take long.
_BATCH = 500


class Agenda:
    """People and consultations of one database."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def create_practitioner(self, email: str, name: str, password: str | None, at: datetime) -> Practitioner:
        """Return a new practitioner, validated. Without a password they come in by log-in links only.

        Raises `BadEmail`, `WeakPassword`, `EmailTaken` (agenda.people) or `BadName` (store.names).
        """
        practitioner = Practitioner(
            id=PractitionerId(new_id(Prefix.PRACTITIONER)),
            email=mailbox(email),
            name=person_name(name),
            validated=True,
            time_zone=DEFAULT_TIME_ZONE,
            created_at=at,
        )
        password_hash = None
        if password is not None:
            check_password(password)
            password_hash = await hash_password(password)
        row = {
            "id": practitioner.id,
            "email": practitioner.email,
            "name": practitioner.name,
            "password_hash": password_hash,
            "validated": practitioner.validated,
            "time_zone": practitioner.time_zone,
            "created_at": at,
        }
        try:
            async with self._outbox.committing() as tx:
                await tx.execute(insert(practitioners).values(row))
        except IntegrityError:
            raise EmailTaken("the e-mail address is taken") from None
        return practitioner

    async def practitioner(self, practitioner: PractitionerId) -> Practitioner | None:
        """Return the practitioner, or None."""
        if not is_id(practitioner, Prefix.PRACTITIONER):
            return None
        async with self._database.reading() as tx:
            found = await tx.execute(select(practitioners).where(practitioners.c.id == practitioner))
            row = found.one_or_none()
        return _practitioner(row) if row else None

    async def practitioner_by_email(self, email: str) -> Practitioner | None:
        """Return the practitioner with this address, or None; also for what is no address."""
        try:
            address = mailbox(email)
        except BadEmail:
            return None
        async with self._database.reading() as tx:
            row = (await tx.execute(select(practitioners).where(practitioners.c.email == address))).one_or_none()
        return _practitioner(row) if row else None

    async def receipt_lines(self, practitioner: PractitionerId) -> tuple[str, ...]:
        """Return the lines that are printed below their name on receipts; none of one who is unknown."""
        if not is_id(practitioner, Prefix.PRACTITIONER):
            return ()
        async with self._database.reading() as tx:
            kept = await tx.scalar(select(practitioners.c.receipt_lines).where(practitioners.c.id == practitioner))
        return tuple((kept or "").splitlines())

    async def set_receipt_lines(self, practitioner: PractitionerId, text: str) -> None:
        """Have these lines printed on receipts from now on.

        Raises `BadReceiptLines` (agenda.receipt_lines) or `UnknownPractitioner`.
        """
        if not is_id(practitioner, Prefix.PRACTITIONER):
            raise UnknownPractitioner(practitioner)
        kept = "\n".join(receipt_lines(text))
        own = update(practitioners).where(practitioners.c.id == practitioner)
        async with self._database.transaction() as tx:
            done = await tx.execute(own.values(receipt_lines=kept))
        if done.rowcount == 0:
            raise UnknownPractitioner(practitioner)

    async def plan(
        self, practitioner_id: PractitionerId, patient_name: str, starts_at: datetime, minutes: int, at: datetime
    ) -> Consultation:
        """Return a new consultation. Raises `BadPlan` or `UnknownPractitioner`."""
        if not is_id(practitioner_id, Prefix.PRACTITIONER):
            raise UnknownPractitioner(practitioner_id)
        new = plan(
            ConsultationId(new_id(Prefix.CONSULTATION)), practitioner_id, patient_name, starts_at, minutes, at=at
        )
        row = {
            "id": new.id,
            "practitioner": new.practitioner,
            "patient_name": new.patient_name,
            "starts_at": new.starts_at,
            "minutes": new.minutes,
            "created_at": new.created_at,
        }
        try:
            async with self._outbox.committing() as tx:
                await tx.execute(insert(consultations).values(row))
                await self._outbox.add(tx, ConsultationPlanned(new.id, new.practitioner, at))
        except IntegrityError:
            raise UnknownPractitioner(practitioner_id) from None
        return new

    async def consultation(self, consultation: ConsultationId) -> Consultation | None:
        """Return the consultation, or None."""
        if not is_id(consultation, Prefix.CONSULTATION):
            return None
        async with self._database.reading() as tx:
            found = await tx.execute(select(consultations).where(consultations.c.id == consultation))
            row = found.one_or_none()
        return _consultation(row) if row else None

    async def called_off(self, some: Collection[ConsultationId]) -> set[ConsultationId]:
        """Return which of these were cancelled or ended."""
        over = consultations.c.cancelled_at.is_not(None) | consultations.c.ended_at.is_not(None)
        found: set[ConsultationId] = set()
        every = list(some)
        async with self._database.reading() as tx:
            for first in range(0, len(every), _BATCH):
                batch = every[first : first + _BATCH]
                found.update(
                    (await tx.execute(select(consultations.c.id).where(consultations.c.id.in_(batch), over))).scalars()
                )
        return found

    async def consultations_of(
        self, practitioner_id: PractitionerId, since: datetime, until: datetime
    ) -> list[Consultation]:
        """Return those that start in [since, until), earliest first; cancelled and ended ones too."""
        if not is_id(practitioner_id, Prefix.PRACTITIONER):
            return []
        own = (
            select(consultations)
            .where(
                consultations.c.practitioner == practitioner_id,
                consultations.c.starts_at >= since,
                consultations.c.starts_at < until,
            )
            .order_by(consultations.c.starts_at, consultations.c.created_at, consultations.c.id)
        )
        async with self._database.reading() as tx:
            rows = (await tx.execute(own)).all()
        return [_consultation(row) for row in rows]

    async def cancel(self, consultation: ConsultationId, at: datetime) -> Consultation:
        """Return the consultation, cancelled now; unchanged when it was cancelled or ended before.

        Raises `UnknownConsultation`.
        """
        return await self._close(consultation, "cancelled_at", at)

    async def end(self, consultation: ConsultationId, at: datetime) -> Consultation:
        """Return the consultation, ended now; unchanged when it was cancelled or ended before.

        Raises `UnknownConsultation`.
        """
        return await self._close(consultation, "ended_at", at)

    async def _close(self, consultation: ConsultationId, column: str, at: datetime) -> Consultation:
        if not is_id(consultation, Prefix.CONSULTATION):
            raise UnknownConsultation(consultation)
        still_open = (
            consultations.c.id == consultation,
            consultations.c.cancelled_at.is_(None),
            consultations.c.ended_at.is_(None),
        )
        async with self._outbox.committing() as tx:
            done = await tx.execute(update(consultations).where(*still_open).values({column: at}))
            if done.rowcount == 1 and column == "cancelled_at":
                await self._outbox.add(tx, ConsultationCancelled(consultation, at))
            row = (await tx.execute(select(consultations).where(consultations.c.id == consultation))).one_or_none()
        if row is None:
            raise UnknownConsultation(consultation)
        return _consultation(row)


def _practitioner(row: Row[*tuple[object, ...]]) -> Practitioner:
    return Practitioner(row.id, row.email, row.name, row.validated, row.time_zone, row.created_at)


def _consultation(row: Row[*tuple[object, ...]]) -> Consultation:
    return Consultation(
        id=row.id,
        practitioner=row.practitioner,
        patient_name=row.patient_name,
        starts_at=row.starts_at,
        minutes=row.minutes,
        created_at=row.created_at,
        cancelled_at=row.cancelled_at,
        ended_at=row.ended_at,
    )
