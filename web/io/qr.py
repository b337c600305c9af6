"""The patient's link as a picture for a phone's camera."""

import io

import segno


def svg(url: str) -> bytes:
    """Return a QR code (error correction M) as an SVG document, drawn by attributes as CSP forbids inline styles."""
    out = io.BytesIO()
    segno.make(url, error="m", micro=False).save(
        out, kind="svg", scale=6, border=4, dark="#000", light="#fff", xmldecl=False, svgclass=None, lineclass=None
    )
    return out.getvalue()
