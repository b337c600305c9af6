import argparse
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from app.language import Refused
from app.settings import OPTIONS, Settings, add_options, read_settings
from billing.io.receipt_fonts import FACES
from notify.mail_server import MailServer, Security


def read(*argv: str, **environ: str) -> Settings:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return read_settings(parser.parse_args(argv), environ)


def logo(folder: Path) -> Path:
    path = folder / "logo.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n and the rest")
    return path


STRIPE = {
    "VISAVIS_STRIPE_KEY": "sk_test_1234567890",
    "VISAVIS_STRIPE_PUBLISHABLE_KEY": "pk_test_1234567890",
    "VISAVIS_STRIPE_WEBHOOK_SECRET": "whsec_1234567890",
    "VISAVIS_STRIPE_CONNECT_WEBHOOK_SECRET": "whsec_0987654321",
}


def test_without_options_everything_stays_on_this_machine() -> None:
    settings = read()
    assert settings.url() == "http://127.0.0.1:8080"
    assert (settings.media_bind, settings.media_advertised) == ("127.0.0.1", ("127.0.0.1",))
    assert settings.data == Path.cwd() / "visavis-data"
    assert settings.database_url == f"sqlite:///{Path.cwd()}/visavis-data/visavis.sqlite3"
    assert settings.workers >= 1
    assert settings.join_window.before == settings.join_window.after == timedelta(minutes=30)
    assert settings.everyone_can_use_a_camera


def test_the_command_line_wins_over_the_environment() -> None:
    assert read(VISAVIS_PORT="81").port == 81
    assert read("--port", "82", VISAVIS_PORT="81").port == 82


def test_every_option_has_a_variable(tmp_path: Path) -> None:
    given = {
        "data": "/srv/v",
        "host": "::1",
        "port": "1",
        "media-host": "203.0.113.7",
        "media-port": "2",
        "workers": "3",
        "public-url": "https://visio.example.org/",
        "trusted-proxies": "127.0.0.1, 10.0.0.0/8",
        "database": "postgresql://visavis@db/visavis",
        "join-before": "4",
        "join-after": "5",
        "loop": "python",
        "currency": "chf",
        "country": "ch",
        "commission": "7,5",
        "vat-note": "Exempt",
        "receipt-logo": str(logo(tmp_path)),
        "receipt-font": str(FACES[""]),
        "smtp-url": "smtps://me:secret@mail.example.org",
        "mail-from": "Practice <visio@example.org>",
    }
    assert set(given) == {option.name for option in OPTIONS}
    by_option = read(*(word for name, value in given.items() for word in (f"--{name}", value)))
    by_variable = read(**{f"VISAVIS_{name.upper().replace('-', '_')}": value for name, value in given.items()})
    assert by_option == by_variable
    assert by_option.url() == "https://visio.example.org"
    assert by_option.media_bind == "0.0.0.0"
    assert [str(network) for network in by_option.trusted_proxies] == ["127.0.0.1/32", "10.0.0.0/8"]
    assert by_option.join_window.before == timedelta(minutes=4)
    assert (by_option.money.currency, by_option.money.country) == ("CHF", "CH")
    assert by_option.money.commission == Fraction(15, 2)


def test_an_address_that_is_not_secure_is_known_as_such() -> None:
    assert not read("--public-url", "http://visio.example.org").everyone_can_use_a_camera
    assert not read("--host", "0.0.0.0", "--media-host", "203.0.113.7").everyone_can_use_a_camera
    assert read("--host", "::1").everyone_can_use_a_camera
    assert read("--host", "::1").url() == "http://[::1]:8080"
    assert read("--host", "0.0.0.0", "--media-host", "203.0.113.7").url() == "http://203.0.113.7:8080"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("port", "eighty"),
        ("port", "65536"),
        ("port", "-1"),
        ("port", "٨٠"),
        ("media-port", "0"),
        ("workers", "0"),
        ("workers", "1e3"),
        ("public-url", "visio.example.org"),
        ("public-url", "https://"),
        ("public-url", "https://example.org/visio"),
        ("trusted-proxies", "everybody"),
        ("database", "mysql://x"),
        ("join-before", "half an hour"),
        ("smtp-url", "mail.example.org"),
        ("smtp-url", "smtp://mail.example.org"),
        ("mail-from", "Practice"),
        ("loop", "trio"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_by_name(option: str, value: str) -> None:
    with pytest.raises(Refused, match=f"--{option}"):
        read(f"--{option}={value}")


def test_media_ports_must_all_exist() -> None:
    with pytest.raises(Refused, match="--media-port"):
        read("--media-port", "65535", "--workers", "2")


def test_a_password_in_the_database_address_is_not_repeated() -> None:
    with pytest.raises(Refused) as refused:
        read("--database", "mysql://me:hunter2@db/x")
    assert "hunter2" not in str(refused.value)


def test_without_a_key_the_money_is_the_sandboxs() -> None:
    money = read().money
    assert money.stripe is None
    assert (money.currency, money.country, money.commission) == ("EUR", "FR", 12)


def test_the_keys_of_stripe_come_from_the_environment_and_are_not_shown() -> None:
    keys = read(**STRIPE).money.stripe
    assert keys is not None
    assert not keys.live
    assert keys.connect_webhook == "whsec_0987654321"
    assert "1234567890" not in repr(keys).replace("pk_test_1234567890", "")


def test_holds_are_raised_only_where_stripe_is_said_to_allow_it() -> None:
    usual, granted = read(**STRIPE).money.stripe, read(**STRIPE, VISAVIS_STRIPE_INCREMENTAL="yes").money.stripe
    assert usual is not None
    assert granted is not None
    assert (usual.incremental, granted.incremental) == (False, True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"VISAVIS_STRIPE_INCREMENTAL": "perhaps"},
        {"VISAVIS_STRIPE_KEY": "pk_test_1234567890"},
        {"VISAVIS_STRIPE_PUBLISHABLE_KEY": ""},
        {"VISAVIS_STRIPE_PUBLISHABLE_KEY": "pk_live_1234567890"},
        {"VISAVIS_STRIPE_WEBHOOK_SECRET": "secret"},
        {"VISAVIS_STRIPE_CONNECT_WEBHOOK_SECRET": ""},
    ],
)
def test_keys_that_do_not_belong_together_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(Refused) as refused:
        read(**{**STRIPE, **wrong})
    assert "1234567890" not in refused.value.sentence.told("en")


@pytest.mark.parametrize(
    ("option", "value"),
    [("currency", "XXX"), ("currency", "€"), ("country", "FRA"), ("commission", "100"), ("commission", "-1")],
)
def test_money_settings_that_make_no_sense_are_refused_in_a_sentence(option: str, value: str) -> None:
    with pytest.raises(Refused) as refused:
        read(f"--{option}={value}")
    assert value in refused.value.sentence.told("fr")


def test_a_logo_that_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "logo.jpg").write_bytes(b"JFIF")
    for path in (tmp_path / "logo.jpg", tmp_path / "none.png"):
        with pytest.raises(Refused):
            read(f"--receipt-logo={path}")


def test_a_receipts_font_that_is_none_is_refused(tmp_path: Path) -> None:
    for path in (logo(tmp_path), tmp_path / "none.ttf"):
        with pytest.raises(Refused):
            read(f"--receipt-font={path}")


def test_without_a_mail_server_letters_are_files_in_the_data_folder() -> None:
    settings = read("--data", "/srv/v")
    assert settings.mail.server is None
    assert settings.mail_dir == Path("/srv/v/mail")


def test_a_mail_server_and_who_writes_are_read_from_their_settings() -> None:
    mail = read("--smtp-url=smtp://me:hunter2@mail.example.org", "--mail-from=Practice <visio@example.org>").mail
    assert mail.server == MailServer("mail.example.org", 587, Security.STARTTLS, "me", "hunter2")
    assert (mail.sender.name, mail.sender.address) == ("Practice", "visio@example.org")


def test_a_password_in_the_mail_servers_address_is_shown_nowhere() -> None:
    with pytest.raises(Refused) as refused:
        read("--smtp-url=smtp://me:hunter2@mail.example.org?tls=no", "--mail-from=visio@example.org")
    assert "hunter2" not in str(refused.value)
    assert "hunter2" not in repr(
        read("--smtp-url=smtps://me:hunter2@mail.example.org", "--mail-from=visio@example.org")
    )
