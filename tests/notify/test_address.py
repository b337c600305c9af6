from email import message_from_bytes
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.address import BadAddress, Sender, mail_address, sender


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("jeanne.dupont@example.org", "jeanne.dupont@example.org"),
        (" o'brien+visio@Mail.Example.ORG ", "o'brien+visio@mail.example.org"),
        ("a@localhost", "a@localhost"),
        ("claire@clinique-été.fr", "claire@xn--clinique-t-b7ai.fr"),
        (f"{'a' * 64}@example.org", f"{'a' * 64}@example.org"),
    ],
)
def test_an_address_is_taken_as_smtp_writes_it(text: str, address: str) -> None:
    local, _, domain = mail_address(text).partition("@")
    assert local == address.partition("@")[0]
    assert domain.isascii()
    if "é" not in text:
        assert mail_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "jeanne",
        "@example.org",
        "jeanne@",
        "jeanne@-example.org",
        "jeanne@example..org",
        "jeanne dupont@example.org",
        "jeanne@example.org\r\nBcc: all@example.org",
        "jeanne@example.org>, <other@example.org",
        "a@b@example.org",
        '"jeanne"@example.org',
        "jeanne@[127.0.0.1]",
        "élise@example.org",
        "jeanne@example.org\0",
        f"{'a' * 65}@example.org",
        f"a@{'b' * 64}.org",
        f"a@{'b.' * 130}org",
        "\ud800@example.org",
        "a@\ud800.org",
    ],
)
def test_what_cannot_be_one_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(BadAddress) as refused:
        mail_address(text)
    assert text == "" or text not in str(refused.value)


@given(st.text(max_size=300))
def test_whatever_is_typed_is_refused_or_one_word_of_ascii(text: str) -> None:
    try:
        address = mail_address(text)
    except BadAddress:
        return
    assert address.isascii()
    assert address.count("@") == 1
    assert not any(character.isspace() or character in '<>,;:"\\()' for character in address)
    assert mail_address(address) == address
    assert message_from_bytes(f"To: {address}\r\n\r\n".encode(), policy=SMTP)["To"].addresses[0].addr_spec == address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Cabinet Martin <visio@example.org>", Sender("Cabinet Martin", "visio@example.org")),
        ('"Cabinet, Martin" <visio@example.org>', Sender("Cabinet, Martin", "visio@example.org")),
        ("visio@example.org", Sender("", "visio@example.org")),
        ("<visio@example.org>", Sender("", "visio@example.org")),
        ("Téléconsultation <visio@example.org>", Sender("Téléconsultation", "visio@example.org")),
    ],
)
def test_a_sender_has_an_address_and_may_have_a_name(text: str, expected: Sender) -> None:
    assert sender(text) == expected
    assert sender(text).domain == "example.org"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Cabinet",
        "Cabinet <>",
        "A <a@example.org>, B <b@example.org>",
        "A\r\nBcc: x <a@example.org>",
        "\ud800 <a@b>",
    ],
)
def test_what_names_no_sender_is_refused(text: str) -> None:
    with pytest.raises(BadAddress):
        sender(text)
