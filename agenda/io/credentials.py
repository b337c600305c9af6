"""How practitioners and platforms prove who they are. The database keeps hashes only."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, insert, or_, select, update

from agenda.io.passwords import matches
from agenda.io.tables import api_keys, login_links, login_sessions, practitioners
from agenda.people import BadEmail, mailbox
from store.ids import PractitionerId, Prefix
from store.io.database import Database
from store.io.entropy import digest, new_id, new_token

IDLE = timedelta(hours=12)
ABSOLUTE = timedelta(days=7)

# A session's last use is written down this often at most: a page that polls must not write each time.
_NOTED_EVERY = timedelta(minutes=5)

_KEY_BEGINS = "vsv_"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that was shown to be known. Without a practitioner it is a platform's and acts for each of them."""

    id: str
    practitioner: PractitionerId | None


@dataclass(frozen=True, slots=True)
class KeptKey:
    """What the operator is shown of an API key; `email` is None for a platform's. The key itself is not kept."""

    id: str
    label: str
    email: str | None
    created_at: datetime


class Credentials:
    """Passwords, log-in sessions, log-in links and API keys of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def log_in(self, email: str, password: str, at: datetime) -> PractitionerId | None:  # noqa: ARG002  # uniform with every other check
        """Return who that is, or None, after the same work whatever was wrong."""
        kept: str | None = None
        practitioner: PractitionerId | None = None
        try:
            address = mailbox(email)
        except BadEmail:
            address = ""
        async with self._database.reading() as tx:
            found = select(practitioners.c.id, practitioners.c.password_hash).where(practitioners.c.email == address)
            row = (await tx.execute(found)).one_or_none()
        if row is not None:
            practitioner, kept = row.id, row.password_hash
        return practitioner if await matches(password, kept) else None

    async def start_session(self, practitioner: PractitionerId, at: datetime) -> str:
        """Return the token of a new log-in session: 12 h without use end it, and 7 days in any case."""
        token = new_token()
        async with self._database.transaction() as tx:
            # Here because it is rare: what has lapsed need not be kept.
            await tx.execute(
                delete(login_sessions).where(
                    or_(login_sessions.c.last_seen_at <= at - IDLE, login_sessions.c.created_at <= at - ABSOLUTE)
                )
            )
            await tx.execute(
                insert(login_sessions).values(
                    token_hash=digest(token), practitioner=practitioner, created_at=at, last_seen_at=at
                )
            )
        return token

    async def practitioner_of_session(self, token: str, at: datetime) -> PractitionerId | None:
        """Return whose session that is, or None when it is unknown or lapsed."""
        same = login_sessions.c.token_hash == digest(token)
        async with self._database.reading() as tx:
            row = (await tx.execute(select(login_sessions).where(same))).one_or_none()
        if row is None or row.last_seen_at <= at - IDLE or row.created_at <= at - ABSOLUTE:
            return None
        if row.last_seen_at <= at - _NOTED_EVERY:
            async with self._database.transaction() as tx:
                await tx.execute(update(login_sessions).where(same).values(last_seen_at=at))
        return PractitionerId(row.practitioner)

    async def end_session(self, token: str) -> PractitionerId | None:
        """Forget the session and return whose it was, lapsed or not; None when there is none."""
        same = login_sessions.c.token_hash == digest(token)
        async with self._database.transaction() as tx:
            ended = delete(login_sessions).where(same).returning(login_sessions.c.practitioner)
            practitioner = (await tx.execute(ended)).scalar_one_or_none()
        return PractitionerId(practitioner) if practitioner is not None else None

    async def end_all_sessions(self, practitioner: PractitionerId) -> None:
        """Forget every session of that practitioner, in whichever browser it is."""
        async with self._database.transaction() as tx:
            await tx.execute(delete(login_sessions).where(login_sessions.c.practitioner == practitioner))

    async def lapsed_sessions(self, hashes: Collection[str], at: datetime) -> set[str]:
        """Return which of these hashes of tokens are of no session, or of one that has lapsed."""
        live = select(login_sessions.c.token_hash).where(
            login_sessions.c.token_hash.in_(sorted(hashes)),
            login_sessions.c.last_seen_at > at - IDLE,
            login_sessions.c.created_at > at - ABSOLUTE,
        )
        async with self._database.reading() as tx:
            return set(hashes) - set((await tx.execute(live)).scalars())

    async def create_login_link(
        self, practitioner: PractitionerId, target: str, at: datetime, lifetime: timedelta
    ) -> str:
        """Return a token that logs this practitioner in once and leads to `target`, a path on this site."""
        token = new_token()
        async with self._database.transaction() as tx:
            await tx.execute(delete(login_links).where(login_links.c.expires_at <= at))
            await tx.execute(
                insert(login_links).values(
                    token_hash=digest(token), practitioner=practitioner, target=target, expires_at=at + lifetime
                )
            )
        return token

    async def practitioner_of_login_link(self, token: str, at: datetime) -> PractitionerId | None:
        """Return whom the link would log in now, without using it up; None when nobody."""
        async with self._database.reading() as tx:
            found = select(login_links.c.practitioner).where(*_usable(token, at))
            practitioner = (await tx.execute(found)).scalar_one_or_none()
        return PractitionerId(practitioner) if practitioner is not None else None

    async def redeem_login_link(self, token: str, at: datetime) -> tuple[PractitionerId, str] | None:
        """Return who logs in and where to, the first time and in time; else None."""
        async with self._database.transaction() as tx:
            used = update(login_links).where(*_usable(token, at)).values(used_at=at)
            row = (await tx.execute(used.returning(login_links.c.practitioner, login_links.c.target))).one_or_none()
        return (PractitionerId(row.practitioner), row.target) if row else None

    async def create_key(self, label: str, practitioner: PractitionerId | None, at: datetime) -> str:
        """Return a new API key, which is shown this once. `label` says for the operator what it is for."""
        key = _KEY_BEGINS + new_token()
        async with self._database.transaction() as tx:
            await tx.execute(
                insert(api_keys).values(
                    id=new_id(Prefix.KEY), key_hash=digest(key), label=label, practitioner=practitioner, created_at=at
                )
            )
        return key

    async def check_key(self, key: str, at: datetime) -> ApiKey | None:  # noqa: ARG002  # uniform with every other check
        """Return the key's rights, or None when it is unknown."""
        async with self._database.reading() as tx:
            found = select(api_keys.c.id, api_keys.c.practitioner).where(api_keys.c.key_hash == digest(key))
            row = (await tx.execute(found)).one_or_none()
        return ApiKey(row.id, row.practitioner) if row else None

    async def keys(self) -> list[KeptKey]:
        """Return all API keys, oldest first."""
        owned = api_keys.outerjoin(practitioners, api_keys.c.practitioner == practitioners.c.id)
        every = (
            select(api_keys.c.id, api_keys.c.label, practitioners.c.email, api_keys.c.created_at)
            .select_from(owned)
            .order_by(api_keys.c.created_at, api_keys.c.id)
        )
        async with self._database.reading() as tx:
            rows = (await tx.execute(every)).all()
        return [KeptKey(row.id, row.label, row.email, row.created_at) for row in rows]

    async def revoke_key(self, key_id: str) -> bool:
        """Take the API key with this id back, from the next request on. Return whether there was one."""
        async with self._database.transaction() as tx:
            revoked = delete(api_keys).where(api_keys.c.id == key_id).returning(api_keys.c.id)
            return (await tx.execute(revoked)).one_or_none() is not None


def _usable(token: str, at: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        login_links.c.token_hash == digest(token),
        login_links.c.used_at.is_(None),
        login_links.c.expires_at > at,
    )
