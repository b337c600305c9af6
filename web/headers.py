"""The headers that every answer carries, errors, redirects and static files included."""

from collections.abc import Mapping

_CONTENT = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "media-src 'self' blob: mediastream:",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types lit-html",
)

_PERMISSIONS = (
    "camera=(self)",
    "microphone=(self)",
    "display-capture=(self)",
    "screen-wake-lock=(self)",
    "geolocation=()",
    "payment=()",
    "usb=()",
    "serial=()",
    "midi=()",
)

_ALWAYS = {
    "Content-Security-Policy": "; ".join(_CONTENT),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(_PERMISSIONS),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

# A year; without includeSubDomains, as a practice's other names are not ours to decide upon.
_STRICT_TRANSPORT = "max-age=31536000"


def security_headers(*, https: bool) -> Mapping[str, str]:
    """Return the headers of an answer; `Strict-Transport-Security` only where the visitor came by https."""
    return {**_ALWAYS, "Strict-Transport-Security": _STRICT_TRANSPORT} if https else _ALWAYS
