"""The documents say what the code says."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from signalling import protocol
from signalling.close_code import CloseCode
from tests.signalling import state_machines

PROTOCOL = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()


def section(title: str) -> str:
    return PROTOCOL.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def rows(text: str) -> dict[str, set[str]]:
    """Return each table row's first word and the words of its second column."""
    found = re.findall(r"^\| `(\w+)` \|([^|]*)\|", text, re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", cells)) for name, cells in found}


def fields(kinds: object) -> dict[str, set[str]]:
    return {kind.__struct_config__.tag: set(kind.__struct_fields__) for kind in get_args(kinds)}


def test_every_message_from_the_browser_is_described_with_its_fields() -> None:
    assert rows(section("From the browser")) == {**fields(protocol.Opening), **fields(protocol.Request)}


def test_every_message_from_the_server_is_described_with_its_fields() -> None:
    described = section("From the server").split("| problem |")[0]
    assert rows(described) == fields(protocol.Event)


def test_every_problem_has_a_meaning() -> None:
    table = section("From the server").split("| problem |")[1]
    assert tuple(rows(table)) == protocol.PROBLEM_CODES


def test_every_close_code_has_a_meaning() -> None:
    codes = {int(code) for code in re.findall(r"^\| (\d{4}) \|", PROTOCOL, re.MULTILINE)}
    assert codes == {int(code) for code in CloseCode}


@pytest.mark.parametrize("struct", [protocol.Devices, protocol.Sending, protocol.LobbyEntry])
def test_what_messages_hold_is_described(struct: type[msgspec.Struct]) -> None:
    for field in struct.__struct_fields__:
        assert f"`{field}`" in PROTOCOL


def test_limits_are_those_of_the_code() -> None:
    assert protocol.MAX_FRAME == 32 * 1024
    assert "at most 32 KiB" in PROTOCOL


def test_state_machines_are_written_from_the_tables() -> None:
    assert state_machines.PAGE.read_text() == state_machines.page()
