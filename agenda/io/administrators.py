"""Administrators of one database, and how they log in. They move money, so their sessions are short."""

from datetime import datetime, timedelta

from sqlalchemy import Row, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from agenda.io.passwords import hash_password, matches
from agenda.io.tables import administrator_links, administrator_sessions, administrators
from agenda.people import Administrator, BadEmail, EmailTaken, check_password, mailbox
from store.ids import AdministratorId, Prefix
from store.io.database import Database
from store.io.entropy import digest, new_id, new_token
from store.names import person_name

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)

# A session's last use is written down this often at most.
_NOTED_EVERY = timedelta(minutes=1)


class Administrators:
    """See the module's text."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, email: str, name: str, password: str | None, at: datetime) -> Administrator:
        """Return a new administrator. Without a password they come in by log-in links only.

        Raises `BadEmail`, `WeakPassword`, `EmailTaken` (agenda.people) or `BadName` (store.names).
        """
        new = Administrator(AdministratorId(new_id(Prefix.ADMINISTRATOR)), mailbox(email), person_name(name), at)
        password_hash = None
        if password is not None:
            check_password(password)
            password_hash = await hash_password(password)
        row = {
            "id": new.id,
            "email": new.email,
            "name": new.name,
            "password_hash": password_hash,
            "created_at": at,
        }
        try:
            async with self._database.transaction() as tx:
                await tx.execute(insert(administrators).values(row))
        except IntegrityError:
            raise EmailTaken("the e-mail address is taken") from None
        return new

    async def id_of(self, email: str) -> AdministratorId:
        """Return whose address that is. Raises `LookupError` when nobody's, or `BadEmail`."""
        async with self._database.reading() as tx:
            found = select(administrators.c.id).where(administrators.c.email == mailbox(email))
            name = (await tx.execute(found)).scalar_one_or_none()
        if name is None:
            raise LookupError("no administrator has this address")
        return AdministratorId(name)

    async def log_in(self, email: str, password: str) -> AdministratorId | None:
        """Return who that is, or None, after the same work whatever was wrong."""
        try:
            address = mailbox(email)
        except BadEmail:
            address = ""
        async with self._database.reading() as tx:
            found = select(administrators.c.id, administrators.c.password_hash).where(administrators.c.email == address)
            row = (await tx.execute(found)).one_or_none()
        matching = await matches(password, row.password_hash if row else None)
        return AdministratorId(row.id) if row is not None and matching else None

    async def start_session(self, administrator: AdministratorId, at: datetime) -> str:
        """Return the token of a new session: 30 minutes without use end it, and 12 hours in any case."""
        token = new_token()
        async with self._database.transaction() as tx:
            lapsed = or_(
                administrator_sessions.c.last_seen_at <= at - IDLE, administrator_sessions.c.created_at <= at - ABSOLUTE
            )
            await tx.execute(delete(administrator_sessions).where(lapsed))
            await tx.execute(
                insert(administrator_sessions).values(
                    token_hash=digest(token), administrator=administrator, created_at=at, last_seen_at=at
                )
            )
        return token

    async def of_session(self, token: str, at: datetime) -> Administrator | None:
        """Return whose session that is, or None when it is unknown or lapsed."""
        same = administrator_sessions.c.token_hash == digest(token)
        joined = (
            select(
                administrators,
                administrator_sessions.c.last_seen_at,
                administrator_sessions.c.created_at.label("began"),
            )
            .join(administrator_sessions, administrator_sessions.c.administrator == administrators.c.id)
            .where(same)
        )
        async with self._database.reading() as tx:
            row = (await tx.execute(joined)).one_or_none()
        if row is None or row.last_seen_at <= at - IDLE or row.began <= at - ABSOLUTE:
            return None
        if row.last_seen_at <= at - _NOTED_EVERY:
            async with self._database.transaction() as tx:
                await tx.execute(update(administrator_sessions).where(same).values(last_seen_at=at))
        return _administrator(row)

    async def end_session(self, token: str) -> None:
        """Forget the session, if there is one."""
        async with self._database.transaction() as tx:
            await tx.execute(delete(administrator_sessions).where(administrator_sessions.c.token_hash == digest(token)))

    async def create_link(self, administrator: AdministratorId, at: datetime, lifetime: timedelta) -> str:
        """Return a token that logs this administrator in once."""
        token = new_token()
        async with self._database.transaction() as tx:
            await tx.execute(delete(administrator_links).where(administrator_links.c.expires_at <= at))
            await tx.execute(
                insert(administrator_links).values(
                    token_hash=digest(token), administrator=administrator, expires_at=at + lifetime
                )
            )
        return token

    async def redeem_link(self, token: str, at: datetime) -> AdministratorId | None:
        """Return who logs in, the first time and in time; else None."""
        usable = (
            administrator_links.c.token_hash == digest(token),
            administrator_links.c.used_at.is_(None),
            administrator_links.c.expires_at > at,
        )
        used = update(administrator_links).where(*usable).values(used_at=at)
        async with self._database.transaction() as tx:
            found = (await tx.execute(used.returning(administrator_links.c.administrator))).scalar_one_or_none()
        return AdministratorId(found) if found is not None else None


def _administrator(row: Row[*tuple[object, ...]]) -> Administrator:
    return Administrator(row.id, row.email, row.name, row.created_at)
