"""Administrators and their log-ins, on every database."""

from datetime import datetime, timedelta

import pytest

from agenda.io.administrators import ABSOLUTE, IDLE, Administrators
from agenda.people import BadEmail, EmailTaken, WeakPassword
from store.io.database import Database
from store.names import BadName

PASSWORD = "correct horse battery"


@pytest.fixture
def administrators(database: Database) -> Administrators:
    return Administrators(database)


async def test_a_password_logs_in_its_administrator_only(administrators: Administrators, at: datetime):
    ada = await administrators.create("Ada@Example.org", "Ada Byron", PASSWORD, at)
    assert await administrators.log_in(" ada@example.org", PASSWORD) == ada.id
    assert await administrators.log_in("ada@example.org", PASSWORD + "!") is None
    assert await administrators.log_in("eve@example.org", PASSWORD) is None
    assert await administrators.log_in("no address", PASSWORD) is None


async def test_without_a_password_nobody_logs_in_by_one(administrators: Administrators, at: datetime):
    await administrators.create("ada@example.org", "Ada Byron", None, at)
    assert await administrators.log_in("ada@example.org", "") is None


@pytest.mark.parametrize(
    ("email", "name", "password", "error"),
    [
        ("ada", "Ada", PASSWORD, BadEmail),
        ("ada@example.org", " ", PASSWORD, BadName),
        ("ada@example.org", "Ada", "short", WeakPassword),
    ],
)
async def test_what_makes_no_administrator_is_refused(
    administrators: Administrators, at: datetime, email: str, name: str, password: str, error: type[Exception]
):
    with pytest.raises(error):
        await administrators.create(email, name, password, at)
    assert await administrators.log_in("ada@example.org", PASSWORD) is None


async def test_one_address_one_administrator(administrators: Administrators, at: datetime):
    await administrators.create("ada@example.org", "Ada Byron", None, at)
    with pytest.raises(EmailTaken):
        await administrators.create("ADA@example.org", "Another", None, at)


async def test_a_session_ends_when_idle_and_in_any_case(administrators: Administrators, at: datetime):
    ada = await administrators.create("ada@example.org", "Ada Byron", None, at)
    token = await administrators.start_session(ada.id, at)
    assert await administrators.of_session(token, at) == ada
    assert await administrators.of_session(token + "x", at) is None
    assert await administrators.of_session(token, at + IDLE) is None
    now = at
    while now + IDLE / 2 < at + ABSOLUTE:
        now += IDLE / 2
        assert await administrators.of_session(token, now) == ada
    assert await administrators.of_session(token, at + ABSOLUTE) is None


async def test_a_log_out_ends_the_session(administrators: Administrators, at: datetime):
    ada = await administrators.create("ada@example.org", "Ada Byron", None, at)
    token, other = [await administrators.start_session(ada.id, at) for _ in range(2)]
    await administrators.end_session(token)
    await administrators.end_session("unknown")
    assert await administrators.of_session(token, at) is None
    assert await administrators.of_session(other, at) == ada


async def test_a_link_logs_in_once_and_in_time(administrators: Administrators, at: datetime):
    ada = await administrators.create("ada@example.org", "Ada Byron", None, at)
    hour = timedelta(hours=1)
    token, late = [await administrators.create_link(ada.id, at, hour) for _ in range(2)]
    assert await administrators.redeem_link(token, at) == ada.id
    assert await administrators.redeem_link(token, at) is None
    assert await administrators.redeem_link(late, at + hour) is None
