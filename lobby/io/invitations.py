"""Invitations in the database: one per consultation, by hash."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from lobby.invitation import derive
from lobby.io.tables import admissions, invitations
from store.ids import ConsultationId
from store.io.entropy import digest


@dataclass(frozen=True, slots=True)
class Arrivals:
    """When the patient was invited, first followed the link, and first stood in the waiting room; None for never."""

    invited_at: datetime | None
    opened_at: datetime | None
    waiting_since: datetime | None


async def standing(tx: AsyncConnection, key: bytes, consultation: ConsultationId) -> str | None:
    """Return the token that is good for the consultation already, or None."""
    good = select(invitations.c.generation).where(
        invitations.c.consultation == consultation, invitations.c.revoked_at.is_(None)
    )
    generation = (await tx.execute(good)).scalar_one_or_none()
    return derive(key, consultation, generation) if generation is not None else None


async def invite(tx: AsyncConnection, key: bytes, consultation: ConsultationId, at: datetime) -> str:
    """Return the token that is good for the consultation; after a revocation it is a new one."""
    first = derive(key, consultation, 1)
    row = {"consultation": consultation, "generation": 1, "token_hash": digest(first), "created_at": at}
    try:
        async with tx.begin_nested():
            await tx.execute(insert(invitations).values(row))
    except IntegrityError:
        same = invitations.c.consultation == consultation
        kept = (await tx.execute(select(invitations).where(same).with_for_update())).one()
        if kept.revoked_at is None:
            return derive(key, consultation, kept.generation)
        generation = kept.generation + 1
        token = derive(key, consultation, generation)
        renewed = {"generation": generation, "token_hash": digest(token), "created_at": at, "revoked_at": None}
        await tx.execute(update(invitations).where(same).values(renewed))
        return token
    return first


async def consultation_of(tx: AsyncConnection, token: str) -> ConsultationId | None:
    """Return what the token invites to, or None when it is unknown or revoked."""
    good = select(invitations.c.consultation).where(
        invitations.c.token_hash == digest(token), invitations.c.revoked_at.is_(None)
    )
    found: ConsultationId | None = (await tx.execute(good)).scalar_one_or_none()
    return found


async def revoke(tx: AsyncConnection, consultation: ConsultationId, at: datetime) -> None:
    """Void the invitation, if there is one."""
    still_good = (invitations.c.consultation == consultation, invitations.c.revoked_at.is_(None))
    await tx.execute(update(invitations).where(*still_good).values(revoked_at=at))


async def opened(tx: AsyncConnection, consultation: ConsultationId, at: datetime) -> None:
    """Note that the link was followed, the first time that it is."""
    first = (invitations.c.consultation == consultation, invitations.c.opened_at.is_(None))
    await tx.execute(update(invitations).where(*first).values(opened_at=at))


async def arrivals(tx: AsyncConnection, consultation: ConsultationId) -> Arrivals:
    """Return how the patient came."""
    found = select(invitations.c.created_at, invitations.c.opened_at).where(invitations.c.consultation == consultation)
    row = (await tx.execute(found)).one_or_none()
    came = select(func.min(admissions.c.arrived_at)).where(admissions.c.consultation == consultation)
    waiting_since: datetime | None = (await tx.execute(came)).scalar_one()
    return Arrivals(row.created_at if row else None, row.opened_at if row else None, waiting_since)
