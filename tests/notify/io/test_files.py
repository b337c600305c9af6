"""Letters as files: there once, whole, and for nobody else to read."""

from datetime import datetime
from email import message_from_bytes
from pathlib import Path

import pytest

from notify.address import sender
from notify.carrier import Postponed, Superseded
from notify.io.files import FileCarrier
from notify.letters import PayLink, words
from notify.outgoing import Outgoing, outgoing
from store.ids import LetterId
from tests.notify.samples import TO, letter


@pytest.fixture
def message(at: datetime) -> Outgoing:
    text = words(letter(PayLink), str)
    return outgoing(LetterId("ltr_AAAAAAAAAAAAAAAAAAAAAA"), text, "fr", sender("v@example.org"), TO, at)


async def begin() -> None:
    pass


async def test_a_letter_is_a_file_that_a_mail_program_opens(tmp_path: Path, message: Outgoing):
    await FileCarrier(tmp_path / "mail").carry(message, begin)
    [file] = (tmp_path / "mail").iterdir()
    assert file.name == "20260328T093015-ltr_AAAAAAAAAAAAAAAAAAAAAA.eml"
    assert message_from_bytes(file.read_bytes())["To"] == TO


async def test_nobody_else_may_read_it(tmp_path: Path, message: Outgoing):
    await FileCarrier(tmp_path / "mail").carry(message, begin)
    assert (tmp_path / "mail").stat().st_mode & 0o777 == 0o700
    assert next((tmp_path / "mail").iterdir()).stat().st_mode & 0o777 == 0o600


async def test_carried_twice_it_is_there_once(tmp_path: Path, message: Outgoing):
    for _ in range(2):
        await FileCarrier(tmp_path).carry(message, begin)
    assert [file.name for file in tmp_path.iterdir()] == [message.name]


async def test_what_became_anothers_leaves_nothing_behind(tmp_path: Path, message: Outgoing):
    async def superseded() -> None:
        assert [file for file in tmp_path.iterdir() if not file.name.startswith(".")] == []
        raise Superseded

    with pytest.raises(Superseded):
        await FileCarrier(tmp_path).carry(message, superseded)
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_that_cannot_be_made_is_a_matter_for_later(tmp_path: Path, message: Outgoing):
    (tmp_path / "mail").write_text("in the way")
    with pytest.raises(Postponed) as postponed:
        await FileCarrier(tmp_path / "mail").carry(message, begin)
    assert (postponed.value.problem, postponed.value.unreachable) == ("folder", True)
