"""Receipts and credit notes as PDF: the same bytes for the same body and fonts, whenever they are asked for."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po
from fontTools.ttLib import TTLibError
from fpdf import FPDF
from fpdf.bidi import auto_detect_base_direction
from fpdf.enums import TextDirection, XPos, YPos
from fpdf.fonts import TTFFont

from billing.io.receipt_fonts import FACES
from billing.receipt import ReceiptBody
from billing.receipt_text import Line, ReceiptText, receipt_text

CATALOGUE = Path(__file__).parent.parent / "locales" / "fr.po"
_FONT = "DejaVu"
_OTHER_FONT = "EastAsian"
# U+25A1 stands for what no font has.
_MISSING = "\N{WHITE SQUARE}"
# Replaced by the number of pages, wherever it stands: a private character, which no text of ours lets through.
_PAGES = "\ue000"
# Not printable to Python, and in every French amount.
_NO_BREAK = "\u00a0\u202f"
# Zero-width non-joiner and joiner: not printable to Python, but Persian and Urdu are spelt with them.
_JOINING = "\u200c\u200d"

# Millimetres of an A4 page.
_MARGIN = 20.0
_WIDTH = 210.0 - 2 * _MARGIN
_LABEL = 55.0
_AMOUNT = 45.0
_LOGO_WIDTH, _LOGO_HEIGHT = 60.0, 22.0
_GREY = 90


def receipt_pdf(body: ReceiptBody, language: str, *, logo: Path | None = None, font: Path | None = None) -> bytes:
    """Return the PDF in `fr` or `en`. `logo` is a PNG; one that cannot be read any more is left out.

    `font` has the characters that ours lacks; what it lacks too, or all of them without it, are squares.

    It is dated as the receipt was issued, so that one who asks for it again gets the same file.
    """
    text = receipt_text(body, language, _in_french if language == "fr" else str)
    page = _Page(text, language, font)
    page.set_creation_date(body.issued_at)
    if logo is not None:
        page.draw_logo(logo)
    page.draw()
    return bytes(page.output())


class _Page(FPDF):
    def __init__(self, text: ReceiptText, language: str, font: Path | None) -> None:
        super().__init__(format="A4")
        self._text = text
        # Loaded with the first character that asks for it: nearly no receipt does.
        self._other = font
        for style, path in FACES.items():
            self.add_font(_FONT, style, path)
        faces = [frozenset(font.cmap) for font in self.fonts.values() if isinstance(font, TTFFont)]
        self._known = frozenset.intersection(*faces)
        # Joins Arabic letters, and sets what is written from right to left in its order.
        self.set_text_shaping(True)
        self.alias_nb_pages(_PAGES)
        self.set_margins(_MARGIN, _MARGIN)
        self.set_auto_page_break(True, margin=_MARGIN + 5)
        self.set_lang(language)
        self.set_title(self._printable(text.title))
        self.set_author(self._printable(text.issuer[0]))
        self.set_creator("Visavis")
        self.set_producer("Visavis")
        self.add_page()

    def footer(self) -> None:
        self.set_y(-_MARGIN)
        self._pen(8, grey=True)
        pages = self._text.page.format(page=self.page_no(), pages=_PAGES)
        self.cell(_WIDTH / 2, 5, self._printable(self._text.title), align="L")
        self.cell(_WIDTH / 2, 5, pages, align="R")

    def draw_logo(self, path: Path) -> None:
        """Draw the picture at the top right; the issuer stands beside it."""
        try:
            self.image(
                path, x=210 - _MARGIN - _LOGO_WIDTH, y=_MARGIN, w=_LOGO_WIDTH, h=_LOGO_HEIGHT, keep_aspect_ratio=True
            )
        except (OSError, ValueError):
            return

    def draw(self) -> None:
        self._issuer()
        self._pen(16, bold=True)
        self._paragraph(self._text.title, 9)
        self.ln(3)
        for label, value in self._text.facts:
            self._fact(label, value)
        self.ln(6)
        for line in self._text.lines:
            self._line(line)
        self._rule()
        self.ln(6)
        for note in self._text.notes:
            self._pen(10)
            self._paragraph(note, 5.5)
            self.ln(2)
        if self._text.proof:
            self._proof()

    def _issuer(self) -> None:
        top = self.get_y()
        for number, line in enumerate(self._text.issuer):
            self._pen(12 if number == 0 else 10, bold=number == 0)
            self._paragraph(line, 6, width=_WIDTH - _LOGO_WIDTH - 5)
        self.set_y(max(self.get_y(), top + _LOGO_HEIGHT) + 10)

    def _fact(self, label: str, value: str) -> None:
        top = self.get_y()
        self._pen(10, grey=True)
        self.cell(_LABEL, 6, self._printable(label))
        self.set_xy(_MARGIN + _LABEL, top)
        self._pen(10)
        self._paragraph(value, 6, width=_WIDTH - _LABEL)

    def _line(self, line: Line) -> None:
        self._rule()
        self.ln(2)
        page, top = self.page, self.get_y()
        self._pen(11, bold=line.strong)
        self._paragraph(line.text, 6, width=_WIDTH - _AMOUNT)
        bottom = self.get_y()
        if self.page == page:
            self.set_xy(_MARGIN + _WIDTH - _AMOUNT, top)
            self.cell(_AMOUNT, 6, self._printable(line.amount), align="R")
            self.set_xy(_MARGIN, bottom)
        else:
            self.cell(_WIDTH, 6, self._printable(line.amount), align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self._pen(9, grey=True)
        for note in line.notes:
            self._paragraph(note, 5, width=_WIDTH - _AMOUNT)
        self.ln(2)

    def _proof(self) -> None:
        self.ln(4)
        self._pen(8, grey=True)
        self._paragraph(self._text.proof, 4)
        for call, head in self._text.heads:
            self._paragraph(f"{call}  {head}", 4)

    def _printable(self, text: str) -> str:
        """Return the text with a square for what the fonts lack: the library would log it, and it may be a name."""
        return "".join(self._shown(text))

    def _shown(self, text: str) -> Iterator[str]:
        # In a sentence from left to right fpdf2 would tear the word apart at them.
        kept = _NO_BREAK + (_JOINING if auto_detect_base_direction(text) is TextDirection.RTL else "")
        for character in text:
            if character.isprintable() or character in kept:
                yield character if self._has(character) else _MISSING
            elif character.isspace():
                yield " "

    def _has(self, character: str) -> bool:
        if ord(character) not in self._known and self._other is not None:
            self._take_other(self._other)
            self._other = None
        return ord(character) in self._known

    def _take_other(self, path: Path) -> None:
        """Load the font for what ours lacks; one that cannot be read any more is left out."""
        try:
            self.add_font(_OTHER_FONT, "", path)
        except (OSError, TTLibError):
            return
        self.set_fallback_fonts([_OTHER_FONT], exact_match=False)
        font = self.fonts[_OTHER_FONT.lower()]
        self._known |= frozenset(font.cmap if isinstance(font, TTFFont) else ())

    def _rule(self) -> None:
        self.set_draw_color(200)
        self.line(_MARGIN, self.get_y(), _MARGIN + _WIDTH, self.get_y())

    def _pen(self, points: float, *, bold: bool = False, grey: bool = False) -> None:
        self.set_font(_FONT, "B" if bold else "", points)
        self.set_text_color(_GREY if grey else 0)

    def _paragraph(self, text: str, height: float, width: float = _WIDTH) -> None:
        self.multi_cell(width, height, self._printable(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _in_french(english: str) -> str:
    return _french().get(english, english)


@cache
def _french() -> dict[str, str]:
    with CATALOGUE.open("rb") as file:
        catalogue = read_po(file, locale="fr")
    return {str(message.id): str(message.string) for message in catalogue if message.id and message.string}
