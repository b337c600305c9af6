"""The fonts of receipts: our own for most scripts, one of the system for Chinese, Japanese and Korean.

A font with these scripts has 4 MB at least, more than all the rest of Visavis.
"""

from pathlib import Path

from fontTools.ttLib import TTFont, TTLibError

_OURS = Path(__file__).parent.parent / "fonts"
# By the style's name in fpdf2.
FACES = {"": _OURS / "DejaVuSans.ttf", "B": _OURS / "DejaVuSans-Bold.ttf"}

# Where Debian and Fedora put fonts that have all three scripts in one file.
EAST_ASIAN = (
    Path("/usr/share/fonts-droid-fallback/truetype/DroidSansFallback.ttf"),
    Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),
    Path("/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Regular.ttc"),
    Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"),
)
# One character of each: Han, kana, Hangul.
_SAMPLES = "王あ김"


def east_asian_font(named: Path | None) -> Path | None:
    """Return the font for Chinese, Japanese and Korean: the one that was `named`, else one of the system's, if any."""
    return next((path for path in ((named,) if named else EAST_ASIAN) if path.is_file()), None)


def has_east_asian(path: Path) -> bool:
    """Return whether this file is a font that has Chinese, Japanese and Korean characters."""
    try:
        with TTFont(path, fontNumber=0, lazy=True) as font:
            characters = font.getBestCmap() or {}
    except (OSError, TTLibError):
        return False
    return all(ord(sample) in characters for sample in _SAMPLES)
