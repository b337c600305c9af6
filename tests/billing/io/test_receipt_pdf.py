"""The PDF as a reader gets it, read back by poppler's tools."""

import logging
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from billing.io.receipt_fonts import east_asian_font, has_east_asian
from billing.io.receipt_pdf import receipt_pdf
from billing.receipt import Issuer
from billing.tariff import Basis, Tariff
from tests.billing.receipt_samples import CALL, HEAD, credit_note, receipt
from tests.requirements import missing


def run(command: str, pdf: bytes, *options: str) -> str:
    if shutil.which(command) is None:
        missing(f"{command} of poppler-utils is not installed")
    files = ["-", "-"] if command == "pdftotext" else ["-"]
    return subprocess.run([command, *options, *files], input=pdf, capture_output=True, check=True).stdout.decode()


def text_of(pdf: bytes) -> str:
    # Poppler puts marks of direction around what is written from right to left.
    return run("pdftotext", pdf, "-layout").translate(
        {0xA0: " ", 0x202F: " ", 0x202A: None, 0x202B: None, 0x202C: None}
    )


def width_of(word: str) -> float:
    """Return how wide a patient's name of one word stands on its receipt, in points."""
    words = run("pdftotext", receipt_pdf(receipt(patient=word), "fr"), "-bbox").partition(">Patient</word>")[2]
    left, right = (float(words.partition(f'{side}="')[2].partition('"')[0]) for side in ("xMin", "xMax"))
    return right - left


def pages_of(pdf: bytes) -> int:
    return int(next(line for line in run("pdfinfo", pdf).splitlines() if line.startswith("Pages:")).split()[1])


def test_a_french_receipt_says_everything_that_counts() -> None:
    text = text_of(receipt_pdf(receipt(), "fr"))
    for part in (
        "Dr Camille Martin",
        "RPPS 10001234567",
        "Reçu 1A2B3C4D/2026-00017",
        "29 mars 2026",
        "Jeanne Dupont",
        "28 mars 2026, 20:45 (Europe/Paris)",
        "48 min 18 s à 2,00 € la minute",
        "Payé par carte Visa se terminant par 4242",
        "96,60 €",
        "TVA non applicable, article 261-4-1° du CGI",
        f"{CALL} {HEAD}",
        "Page 1 sur 1",
    ):
        assert part in text


def test_an_english_receipt_is_english() -> None:
    text = text_of(receipt_pdf(receipt(vat_note=""), "en"))
    assert "Receipt 1A2B3C4D/2026-00017" in text
    assert "€96.60" in text
    assert "Page 1 of 1" in text
    assert "Reçu" not in text


def test_a_credit_note_is_one() -> None:
    text = text_of(receipt_pdf(credit_note(), "fr"))
    assert "Avoir 1A2B3C4D/2026-00018" in text
    assert "20,00 €" in text
    assert "Motif : Coupure du son" in text


@pytest.mark.parametrize(
    ("tariff", "shown"),
    [
        (Tariff("JPY", Basis.FIXED, fixed=12000), "12 000 JPY"),
        (Tariff("KWD", Basis.FIXED, fixed=12340), "12,340 KWD"),
    ],
)
def test_any_currency_has_its_own_decimals(tariff: Tariff, shown: str) -> None:
    assert shown in text_of(receipt_pdf(receipt(tariff=tariff), "fr"))


def test_the_same_receipt_is_the_same_file() -> None:
    assert receipt_pdf(receipt(), "fr") == receipt_pdf(receipt(), "fr")
    assert receipt_pdf(receipt(), "fr") != receipt_pdf(receipt(patient="Paul"), "fr")


def test_it_carries_its_title_author_language_and_date() -> None:
    pdf = receipt_pdf(receipt(), "fr")
    described = run("pdfinfo", pdf, "-isodates")
    assert "Reçu 1A2B3C4D/2026-00017" in described
    assert "Dr Camille Martin" in described
    assert "2026-03-28T23:30:05Z" in described
    assert b"/Lang (fr)" in pdf


def test_long_names_and_many_calls_fill_pages_and_lose_nothing() -> None:
    body = receipt(
        issuer=Issuer("W" * 80, ("Une adresse très longue " * 6,) * 4, "Europe/Paris"),
        patient="Bartholomäus von und zu Hohenlohe-Schillingsfürst und Waldenburg in Franken",
        vat_note="Une note. " * 60,
        heads=tuple((CALL, HEAD) for _ in range(60)),
    )
    pdf = receipt_pdf(body, "fr")
    text = text_of(pdf)
    assert pages_of(pdf) == 2
    assert text.count(HEAD) == 60
    assert text.count("W") == 80 + text.count("Waldenburg")
    assert "Page 2 sur 2" in text


def test_names_of_other_scripts_are_printed_or_stood_for_and_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        text = text_of(receipt_pdf(receipt(patient="Ελένη Иван ნინო Nguyễn 山田 😀"), "fr"))
    assert "Ελένη Иван ნინო Nguyễn □□ □" in text
    assert "山" not in caplog.text


@pytest.mark.parametrize("name", ["محمد العلي", "יעל כהן", "Nguyễn Thị Ánh"])
def test_names_stand_in_their_own_script_and_direction(name: str) -> None:
    text = text_of(receipt_pdf(receipt(patient=name, organisation=name, covered=100), "fr"))
    assert text.count(name) == 2
    assert f"Pris en charge par {name}" in text


def test_a_persian_name_keeps_the_letters_apart_that_it_keeps_apart() -> None:
    name = "می\N{ZERO WIDTH NON-JOINER}خواهم"
    text = text_of(receipt_pdf(receipt(patient=name, organisation=name, covered=100), "fr"))
    assert name in text
    assert "Pris en charge par میخواهم" in text


def test_arabic_letters_are_joined() -> None:
    assert width_of("ععع") < 2.8 * width_of("ع")


def test_chinese_japanese_and_korean_names_take_the_font_of_the_system(caplog: pytest.LogCaptureFixture) -> None:
    font = east_asian_font(None)
    if font is None:
        missing("no font with Chinese, Japanese and Korean is installed")
    body = receipt(patient="山田太郎 あい 김민수 😀", issuer=Issuer("王小明", (), "Asia/Shanghai"))
    with caplog.at_level(logging.WARNING):
        pdf = receipt_pdf(body, "fr", font=font)
    text = text_of(pdf)
    assert "山田太郎 あい 김민수 □" in text
    assert "王小明" in text
    assert pdf == receipt_pdf(body, "fr", font=font)
    assert len(pdf) < 100_000
    assert caplog.text == ""


def test_a_font_that_is_gone_or_broken_leaves_squares(tmp_path: Path) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"\x00\x01\x00\x00 and no more")
    for font in (tmp_path / "none.ttf", tmp_path / "broken.ttf"):
        assert "□□□" in text_of(receipt_pdf(receipt(patient="王小明"), "fr", font=font))
        assert not has_east_asian(font)


def test_a_name_is_no_instruction() -> None:
    assert "{nb} {number} <b>**x** %s" in text_of(receipt_pdf(receipt(patient="{nb} {number} <b>**x** %s"), "fr"))


@given(st.text(max_size=80))
@settings(max_examples=60, deadline=None)
def test_no_name_breaks_it(name: str) -> None:
    assert receipt_pdf(receipt(patient=name, organisation=name, covered=100, vat_note=name), "fr").startswith(b"%PDF")


def test_a_logo_stands_on_it_and_one_that_is_gone_does_not_matter(tmp_path: Path) -> None:
    logo = tmp_path / "logo.png"
    Image.new("RGB", (600, 180), (20, 90, 160)).save(logo)
    with_logo = receipt_pdf(receipt(), "fr", logo=logo)
    assert " image " in run("pdfimages", with_logo, "-list")
    assert " image " not in run("pdfimages", receipt_pdf(receipt(), "fr"), "-list")
    assert with_logo == receipt_pdf(receipt(), "fr", logo=logo)
    logo.write_bytes(b"no picture any more")
    assert "Jeanne Dupont" in text_of(receipt_pdf(receipt(), "fr", logo=logo))
    assert "Jeanne Dupont" in text_of(receipt_pdf(receipt(), "fr", logo=tmp_path / "none.png"))
