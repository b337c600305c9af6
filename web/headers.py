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


# What the page with Stripe's form needs besides: its script sets inner HTML, so Trusted Types must stay off there
# (https://docs.stripe.com/security/guide#content-security-policy).
_WITH_STRIPE = {
    "script-src 'self'": "script-src 'self' https://js.stripe.com https://*.js.stripe.com",
    "connect-src 'self'": "connect-src 'self' https://api.stripe.com",
    "require-trusted-types-for 'script'": "frame-src https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com",
    "trusted-types lit-html": "",
}
_CARD_PAGE = {
    **_ALWAYS,
    "Content-Security-Policy": "; ".join(filter(None, (_WITH_STRIPE.get(part, part) for part in _CONTENT))),
    # Banks open a window of their own for 3-D Secure.
    "Cross-Origin-Opener-Policy": "same-origin-allow-popups",
    "Permissions-Policy": ", ".join(_PERMISSIONS).replace("payment=()", 'payment=(self "https://js.stripe.com")'),
}


def security_headers(*, https: bool, card_page: bool = False) -> Mapping[str, str]:
    """Return the headers of an answer; `Strict-Transport-Security` only where the visitor came by https.

    `card_page`: the one page that shows Stripe's form.
    """
    headers = _CARD_PAGE if card_page else _ALWAYS
    return {**headers, "Strict-Transport-Security": _STRICT_TRANSPORT} if https else headers
