"""Credentials on both databases."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from agenda.io.credentials import Credentials
from agenda.io.service import Agenda
from agenda.people import Practitioner
from store.io.database import Database
from store.io.entropy import digest
from store.io.metadata import metadata

PASSWORD = "une phrase longue à retenir"


@pytest.fixture
async def practitioner(agenda: Agenda, at: datetime) -> Practitioner:
    return await agenda.create_practitioner("claire@example.org", "Dr Claire Martin", PASSWORD, at)


class TestPasswords:
    async def test_the_right_password_logs_in_however_the_keyboard_composes_it(
        self, credentials: Credentials, practitioner: Practitioner, at: datetime
    ):
        assert await credentials.log_in("Claire@example.org", PASSWORD, at) == practitioner.id
        assert await credentials.log_in("claire@example.org", PASSWORD.replace("à", "a\u0300"), at) == practitioner.id

    @pytest.mark.parametrize(
        ("email", "password"),
        [
            ("claire@example.org", PASSWORD + "x"),
            ("claire@example.org", ""),
            ("claire@example.org", "\ud800"),
            ("nobody@example.org", PASSWORD),
            ("no address", PASSWORD),
            ("claire@example.org\x00", PASSWORD),
        ],
    )
    @pytest.mark.usefixtures("practitioner")
    async def test_anything_else_is_nobody(self, credentials, at, email: str, password: str):
        assert await credentials.log_in(email, password, at) is None

    async def test_who_has_no_password_cannot_log_in_with_any(self, agenda: Agenda, credentials, at: datetime):
        await agenda.create_practitioner("links@example.org", "Only Links", None, at)
        assert await credentials.log_in("links@example.org", "", at) is None


class TestSessions:
    async def test_a_session_is_known_until_it_ends(self, credentials: Credentials, practitioner, at: datetime):
        token = await credentials.start_session(practitioner.id, at)
        other = await credentials.start_session(practitioner.id, at)
        assert await credentials.practitioner_of_session(token, at) == practitioner.id
        assert await credentials.end_session(token) == practitioner.id
        assert await credentials.end_session(token) is None
        assert await credentials.practitioner_of_session(token, at) is None
        assert await credentials.practitioner_of_session(other, at) == practitioner.id
        assert await credentials.practitioner_of_session("anything\ud800", at) is None
        assert await credentials.lapsed_sessions({digest(token), digest(other)}, at) == {digest(token)}
        assert await credentials.lapsed_sessions({digest(other)}, at + timedelta(hours=12)) == {digest(other)}

    async def test_all_sessions_of_one_practitioner_end_at_once(
        self, credentials: Credentials, agenda: Agenda, practitioner, at: datetime
    ):
        stranger = await agenda.create_practitioner("other@example.org", "Dr Other", None, at)
        mine = [await credentials.start_session(practitioner.id, at) for _ in range(2)]
        theirs = await credentials.start_session(stranger.id, at)
        await credentials.end_all_sessions(practitioner.id)
        assert [await credentials.practitioner_of_session(one, at) for one in mine] == [None, None]
        assert await credentials.practitioner_of_session(theirs, at) == stranger.id

    async def test_twelve_hours_without_use_end_it(self, credentials: Credentials, practitioner, at: datetime):
        token = await credentials.start_session(practitioner.id, at)
        for hours in (11, 22, 33):
            assert await credentials.practitioner_of_session(token, at + timedelta(hours=hours)) == practitioner.id
        assert await credentials.practitioner_of_session(token, at + timedelta(hours=45)) is None

    async def test_seven_days_end_it_though_it_is_used(self, credentials: Credentials, practitioner, at: datetime):
        token = await credentials.start_session(practitioner.id, at)
        for hours in range(10, 168, 10):
            assert await credentials.practitioner_of_session(token, at + timedelta(hours=hours)) == practitioner.id
        assert await credentials.practitioner_of_session(token, at + timedelta(days=7)) is None


class TestLinks:
    async def test_a_link_logs_in_once(self, credentials: Credentials, practitioner, at: datetime):
        link = await credentials.create_login_link(practitioner.id, "/desk", at, timedelta(minutes=10))
        used = await asyncio.gather(*(credentials.redeem_login_link(link, at) for _ in range(10)))
        assert [one for one in used if one] == [(practitioner.id, "/desk")]

    async def test_whom_a_link_would_log_in_is_told_without_using_it_up(
        self, credentials: Credentials, practitioner, at: datetime
    ):
        link = await credentials.create_login_link(practitioner.id, "/desk", at, timedelta(minutes=10))
        assert await credentials.practitioner_of_login_link(link, at) == practitioner.id
        assert await credentials.practitioner_of_login_link(link, at + timedelta(minutes=10)) is None
        assert await credentials.practitioner_of_login_link("anything", at) is None
        assert await credentials.redeem_login_link(link, at) is not None
        assert await credentials.practitioner_of_login_link(link, at) is None

    async def test_a_link_lapses(self, credentials: Credentials, practitioner, at: datetime):
        link = await credentials.create_login_link(practitioner.id, "/desk", at, timedelta(minutes=10))
        assert await credentials.redeem_login_link(link, at + timedelta(minutes=10)) is None
        assert await credentials.redeem_login_link("anything", at) is None


class TestKeys:
    async def test_a_key_says_for_whom_it_acts(self, credentials: Credentials, practitioner, at: datetime):
        own = await credentials.create_key("own", practitioner.id, at)
        platform = await credentials.create_key("platform", None, at)
        assert own.startswith("vsv_")
        known = await credentials.check_key(own, at)
        assert known is not None
        assert known.practitioner == practitioner.id
        known = await credentials.check_key(platform, at)
        assert known is not None
        assert known.practitioner is None
        assert await credentials.check_key(own[:-1], at) is None
        assert await credentials.check_key("", at) is None

    async def test_a_key_is_listed_until_it_is_taken_back(self, credentials: Credentials, practitioner, at: datetime):
        own = await credentials.create_key("own", practitioner.id, at)
        platform = await credentials.create_key("platform", None, at + timedelta(seconds=1))
        listed = await credentials.keys()
        assert [(key.label, key.email, key.created_at) for key in listed] == [
            ("own", practitioner.email, at),
            ("platform", None, at + timedelta(seconds=1)),
        ]
        assert await credentials.revoke_key(listed[0].id)
        assert not await credentials.revoke_key(listed[0].id)
        assert await credentials.check_key(own, at) is None
        assert await credentials.check_key(platform, at) is not None
        assert [key.label for key in await credentials.keys()] == ["platform"]


async def test_no_secret_is_in_the_database(database: Database, credentials: Credentials, practitioner, at: datetime):
    secrets = [
        PASSWORD,
        await credentials.start_session(practitioner.id, at),
        await credentials.create_login_link(practitioner.id, "/desk", at, timedelta(minutes=10)),
        await credentials.create_key("key", None, at),
    ]
    async with database.reading() as tx:
        content = [str((await tx.execute(select(table))).all()) for table in metadata.tables.values()]
    assert all(secret not in text for secret in secrets for text in content)
