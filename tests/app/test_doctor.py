import asyncio
import datetime as dt
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app import machine_checks, service_checks
from app.doctor import examine
from app.findings import Finding, Grade
from app.mail import mail
from app.settings import Settings
from billing.io import receipt_fonts
from tests.app.processes import Place, free_port
from tests.app.test_settings import read
from tests.notify.io.mail_house import mail_house
from tests.requirements import missing


def settings_of(place: Place, *more: str) -> Settings:
    return read(*place.options(), *more)


def grades(findings: list[Finding]) -> dict[str, Grade]:
    return {finding.subject: finding.grade for finding in findings}


def test_a_machine_that_is_fit_has_nothing_to_do(place: Place) -> None:
    done = place.run("doctor")
    assert done.returncode == 0, done.stdout
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    said = {subject: grade for grade, subject, _ in lines}
    assert set(said) == {
        "folder",
        "disk",
        "database",
        "web",
        "media",
        "udp",
        "tcp",
        "loop",
        "tls",
        "mail",
        "receipts",
        "clock",
        "files",
    }
    assert "fail" not in said.values()
    assert said["mail"] == "info"
    assert all(text for _, _, text in lines)


def test_a_reader_who_has_seen_enough_gets_no_traceback(place: Place) -> None:
    process = place.start("doctor")
    assert process.stdout is not None
    process.stdout.close()
    process.wait()
    assert place.stderr() == ""


def test_looking_makes_no_database(place: Place) -> None:
    asyncio.run(examine(settings_of(place)))
    assert not (place.data / "visavis.sqlite3").exists()


def test_while_everything_runs_the_ports_are_ours_and_media_arrives(place: Place) -> None:
    place.up()
    done = place.run("doctor", "--json", lang="fr_FR.UTF-8")
    assert done.returncode == 0, done.stdout
    said = {line["subject"]: line for line in json.loads(done.stdout)}
    assert all(said[subject]["grade"] == "ok" for subject in ("ready", "web", "media", "workers", "udp", "tcp"))
    assert said["ready"]["text"].startswith("Visavis tourne sur")


def test_workers_that_are_missing_are_named(place: Place) -> None:
    place.up()
    place.workers = 2
    findings = asyncio.run(examine(settings_of(place)))
    missing = next(finding for finding in findings if finding.subject == "workers")
    assert missing.grade is Grade.FAIL
    assert "missing: 1." in missing.sentence.told("en")


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_taken_port_is_a_failure_with_its_number(place: Place, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", place.media_port))
        if kind == socket.SOCK_STREAM:
            other.listen()
        done = place.run("doctor")
    assert done.returncode == 1
    assert f"fail  media     Media ports are taken by another program: {place.media_port}." in done.stdout


def test_the_web_port_of_another_program_is_a_failure(place: Place) -> None:
    with socket.create_server(("127.0.0.1", place.port)):
        assert grades(asyncio.run(examine(settings_of(place))))["web"] is Grade.FAIL


def test_a_folder_that_cannot_be_written_is_all_that_is_said(place: Place) -> None:
    findings = asyncio.run(examine(replace(settings_of(place), data=Path("/proc/visavis"))))
    assert grades(findings) == {"folder": Grade.FAIL}


def test_a_key_that_others_may_read_is_a_failure(place: Place) -> None:
    (place.data / "secret.key").write_bytes(bytes(32))
    (place.data / "secret.key").chmod(0o644)
    assert grades(asyncio.run(examine(settings_of(place)))) == {"folder": Grade.FAIL}


def test_a_file_that_is_no_database_is_a_failure(place: Place) -> None:
    (place.data / "visavis.sqlite3").write_text("this is a letter to my aunt" * 100)
    assert grades(asyncio.run(examine(settings_of(place))))["database"] is Grade.FAIL


def test_a_public_address_that_does_not_come_back_is_a_warning(place: Place) -> None:
    # 203.0.113.0/24 is reserved for documentation (RFC 5737): nobody answers there.
    findings = asyncio.run(examine(settings_of(place, "--media-host=203.0.113.7")))
    assert grades(findings)["udp"] is Grade.WARN
    assert grades(findings)["tcp"] is Grade.WARN


def test_plain_http_is_enough_for_this_machine_only(place: Place) -> None:
    assert machine_checks.tls(settings_of(place)).grade is Grade.OK
    assert machine_checks.tls(settings_of(place, "--public-url=http://visio.example.org")).grade is Grade.FAIL


def test_without_a_mail_server_the_doctor_says_where_letters_are(place: Place) -> None:
    finding = asyncio.run(mail(settings_of(place)))
    assert finding.grade is Grade.INFO
    assert str(place.data / "mail") in finding.sentence.told("en")


def test_without_a_font_for_east_asian_names_the_doctor_names_the_package(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(receipt_fonts, "EAST_ASIAN", (tmp_path / "none.ttf",))
    finding = service_checks.receipt_font(settings_of(place))
    assert finding.grade is Grade.INFO
    assert "fonts-droid-fallback" in finding.sentence.told("fr")


def test_a_font_named_for_receipts_that_lacks_east_asian_names_is_a_warning(place: Place) -> None:
    finding = service_checks.receipt_font(settings_of(place, f"--receipt-font={receipt_fonts.FACES['']}"))
    assert finding.grade is Grade.WARN


def test_the_systems_font_for_east_asian_names_is_well(place: Place) -> None:
    if receipt_fonts.east_asian_font(None) is None:
        missing("no font with Chinese, Japanese and Korean is installed")
    assert service_checks.receipt_font(settings_of(place)).grade is Grade.OK


def test_a_mail_server_that_answers_is_well_and_gets_no_letter(place: Place) -> None:
    with mail_house() as house:
        finding = asyncio.run(mail(settings_of(place, *mail_options(f"smtp://127.0.0.1:{house.port}"))))
    assert finding.grade is Grade.OK
    assert house.contents == []


def test_a_mail_server_that_is_away_or_lets_nobody_in_is_a_failure(place: Place) -> None:
    away = asyncio.run(mail(settings_of(place, *mail_options(f"smtp://127.0.0.1:{free_port()}"))))
    assert away.grade is Grade.FAIL
    assert "does not answer" in away.sentence.told("en")
    with mail_house() as house:
        strange = asyncio.run(mail(settings_of(place, *mail_options(f"smtp://me:hunter2@127.0.0.1:{house.port}"))))
        bare = asyncio.run(mail(settings_of(place, *mail_options(f"smtp://127.0.0.1:{house.port}?tls=yes"))))
    assert strange.grade is bare.grade is Grade.FAIL
    assert "does not let me in" in strange.sentence.told("en")
    assert "hunter2" not in strange.sentence.told("en")
    assert "no encryption" in bare.sentence.told("en")


def mail_options(url: str) -> tuple[str, str]:
    return f"--smtp-url={url}", "--mail-from=visio@example.org"


def test_a_name_without_an_address_is_a_failure(place: Place) -> None:
    finding = machine_checks.tls(settings_of(place, "--public-url=https://no-such-host.invalid"))
    assert finding.grade is Grade.FAIL
    assert "DNS" in finding.sentence.told("en")


def test_a_proxy_that_leads_elsewhere_is_a_failure(place: Place) -> None:
    _, line = place.up()
    assert service_checks.proxy(settings_of(place, f"--public-url={line['url']}")).grade is Grade.OK
    elsewhere = settings_of(place, f"--public-url=http://127.0.0.1:{free_port()}")
    assert service_checks.proxy(elsewhere).grade is Grade.FAIL


def test_an_https_address_where_nobody_answers_is_a_failure(place: Place) -> None:
    finding = machine_checks.tls(settings_of(place, f"--public-url=https://localhost:{place.port}"))
    assert finding.grade is Grade.FAIL
    assert "Nobody answers" in finding.sentence.told("en")


def test_a_certificate_that_nobody_vouches_for_is_a_failure(place: Place) -> None:
    with https_server(place.data, days=90) as (port, _):
        finding = machine_checks.tls(settings_of(place, f"--public-url=https://localhost:{port}"))
    assert finding.grade is Grade.FAIL
    assert "not valid" in finding.sentence.told("en")


@pytest.mark.parametrize(("days", "grade"), [(90, Grade.OK), (5, Grade.WARN)])
def test_a_certificate_is_good_until_it_is_about_to_end(
    place: Place, monkeypatch: pytest.MonkeyPatch, days: int, grade: Grade
) -> None:
    with https_server(place.data, days=days) as (port, certificate):
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        finding = machine_checks.tls(settings_of(place, f"--public-url=https://localhost:{port}"))
    assert finding.grade is grade


@contextmanager
def https_server(folder: Path, days: int) -> Iterator[tuple[int, Path]]:
    """A TLS server for localhost with a certificate of its own; gives its port and the certificate's file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=91 - days))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file, secret = folder / "certificate.pem", folder / "key.pem"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, secret)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=_greet, args=(listener, context))
        server.start()
        yield listener.getsockname()[1], file
        server.join()


def _greet(listener: socket.socket, context: ssl.SSLContext) -> None:
    connection, _ = listener.accept()
    try:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(1)
    except OSError:
        connection.close()
