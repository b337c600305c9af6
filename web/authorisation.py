"""Who may do what over HTTP: one row for every route, enforced by `web.io.guard` and run cell by cell by a test.

A route without a row cannot be served: `build_app` refuses to build. What each caller gets:

    ok      the answer itself (2xx, or the 303 that follows a successful form)
    log_in  303 to /login, or to /admin/login
    key?    401: no valid API key
    other?  404: it exists, but not for this caller; the same answer as for what does not exist
    no      403: known, but not allowed to do this here; for the provider's webhooks: not signed by it
"""

from dataclasses import dataclass
from enum import StrEnum


class Access(StrEnum):
    """What a route asks of its caller before its handler runs. Whose the thing is, the handler decides (404)."""

    OPEN = "open"
    PRACTITIONER = "practitioner"
    KEY = "key"
    OPERATOR = "operator"
    PROVIDER = "provider"
    ADMINISTRATOR = "administrator"


class Caller(StrEnum):
    """The columns of the table. Consultations in question belong to `OWNER`."""

    ANONYMOUS = "anonymous"
    PATIENT = "patient"
    OWNER = "practitioner 1"
    OTHER = "practitioner 2"
    KEY = "api key"
    FOREIGN_KEY = "foreign api key"
    PLATFORM_KEY = "platform api key"
    ADMINISTRATOR = "administrator"


class Outcome(StrEnum):
    """A cell of the table."""

    OK = "ok"
    LOG_IN = "log_in"
    UNAUTHORISED = "key?"
    NOT_FOUND = "other?"
    FORBIDDEN = "no"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: what the route asks, whether a browser's form or script calls it, and what each caller gets."""

    access: Access
    outcomes: dict[Caller, Outcome]


_ELSEWHERE = {
    Access.OPEN: "ok",
    Access.PRACTITIONER: "log_in",
    Access.KEY: "key?",
    Access.OPERATOR: "key?",
    Access.PROVIDER: "no",
    Access.ADMINISTRATOR: "ok",
}


def _rule(access: Access, row: str) -> Rule:
    words = row.split()
    # An administrator is nobody outside of the administration: that column says so for every row that is silent.
    cells = [Outcome(word) for word in [*words, _ELSEWHERE[access]][: len(Caller)]]
    return Rule(access, dict(zip(Caller, cells, strict=True)))


_EVERYBODY = "ok ok ok ok ok ok ok"
_SIGNED = "no no no no no no no"
_LOGGED_IN = "log_in log_in ok ok log_in log_in log_in"
_RUNS_THE_PLATFORM = "log_in log_in log_in log_in log_in log_in log_in ok"
_OWNER = "log_in log_in ok other? log_in log_in log_in"

# columns:                                                  anonymous patient owner other key foreign_key platform_key
TABLE: dict[tuple[str, str], Rule] = {
    ("GET", "/"): _rule(Access.OPEN, _EVERYBODY),
    ("GET", "/login"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/login"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/logout"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/logout/everywhere"): _rule(Access.OPEN, _EVERYBODY),
    ("GET", "/open"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/open"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/language"): _rule(Access.OPEN, _EVERYBODY),
    ("GET", "/join"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/join/look"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/join/price"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/join/price/coupon"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/join/price/agree"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/join/price/card"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/join/price/seen"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/join/price/more"): _rule(Access.OPEN, _EVERYBODY),
    ("GET", "/monitoring"): _rule(Access.PRACTITIONER, _LOGGED_IN),
    ("GET", "/monitoring.csv"): _rule(Access.PRACTITIONER, _LOGGED_IN),
    ("POST", "/payments/{id}/resend"): _rule(Access.PRACTITIONER, _OWNER),
    ("POST", "/payments/{id}/cancel"): _rule(Access.PRACTITIONER, _OWNER),
    ("GET", "/payments/{id}/receipts/{receipt}"): _rule(Access.PRACTITIONER, _OWNER),
    ("GET", "/earnings"): _rule(Access.PRACTITIONER, _LOGGED_IN),
    ("GET", "/payments"): _rule(Access.PRACTITIONER, _LOGGED_IN),
    ("POST", "/payments/connect"): _rule(Access.PRACTITIONER, _LOGGED_IN),
    ("POST", "/payments/receipt-lines"): _rule(Access.PRACTITIONER, _LOGGED_IN),
    ("GET", "/payments/onboarding"): _rule(Access.PRACTITIONER, _LOGGED_IN),
    ("GET", "/payments/dashboard"): _rule(Access.PRACTITIONER, _LOGGED_IN),
    ("GET", "/admin"): _rule(Access.ADMINISTRATOR, _RUNS_THE_PLATFORM),
    ("POST", "/admin/payments/{id}/refund"): _rule(Access.ADMINISTRATOR, _RUNS_THE_PLATFORM),
    ("POST", "/admin/coupons"): _rule(Access.ADMINISTRATOR, _RUNS_THE_PLATFORM),
    ("POST", "/admin/coupons/{id}/revoke"): _rule(Access.ADMINISTRATOR, _RUNS_THE_PLATFORM),
    ("POST", "/admin/reconcile"): _rule(Access.ADMINISTRATOR, _RUNS_THE_PLATFORM),
    ("POST", "/admin/differences/{id}/accept"): _rule(Access.ADMINISTRATOR, _RUNS_THE_PLATFORM),
    ("GET", "/admin/login"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/admin/login"): _rule(Access.OPEN, _EVERYBODY),
    ("GET", "/admin/open"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/admin/open"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/admin/logout"): _rule(Access.ADMINISTRATOR, _RUNS_THE_PLATFORM),
    ("GET", "/pay"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/pay/look"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/pay/seen"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/pay/card"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/pay/receipt"): _rule(Access.OPEN, _EVERYBODY),
    ("GET", "/card"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/card/confirm"): _rule(Access.OPEN, _EVERYBODY),
    ("GET", "/card/done"): _rule(Access.OPEN, _EVERYBODY),
    ("GET", "/sandbox/{path}"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/sandbox/{path}"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/webhooks/stripe"): _rule(Access.PROVIDER, _SIGNED),
    ("POST", "/webhooks/stripe-connect"): _rule(Access.PROVIDER, _SIGNED),
    ("GET", "/ws"): _rule(Access.OPEN, _EVERYBODY),
    ("GET", "/static/{path}"): _rule(Access.OPEN, _EVERYBODY),
    ("GET", "/healthz"): _rule(Access.OPEN, _EVERYBODY),
    ("GET", "/readyz"): _rule(Access.OPEN, _EVERYBODY),
    ("GET", "/api/openapi.json"): _rule(Access.OPEN, _EVERYBODY),
    ("GET", "/metrics"): _rule(Access.OPERATOR, "key? key? key? key? no no ok"),
    ("GET", "/desk"): _rule(Access.PRACTITIONER, _LOGGED_IN),
    ("POST", "/desk/consultations"): _rule(Access.PRACTITIONER, _LOGGED_IN),
    ("POST", "/desk/consultations/{id}/cancel"): _rule(Access.PRACTITIONER, _OWNER),
    ("GET", "/desk/consultations/{id}/invitation.svg"): _rule(Access.PRACTITIONER, _OWNER),
    ("GET", "/consultations/{id}"): _rule(Access.PRACTITIONER, _OWNER),
    ("GET", "/consultations/{id}/invoice"): _rule(Access.PRACTITIONER, _OWNER),
    ("POST", "/consultations/{id}/invoice"): _rule(Access.PRACTITIONER, _OWNER),
    ("POST", "/consultations/{id}/invoice/confirm"): _rule(Access.PRACTITIONER, _OWNER),
    ("POST", "/consultations/{id}/no-show"): _rule(Access.PRACTITIONER, _OWNER),
    ("POST", "/api/consultations"): _rule(Access.KEY, "key? key? key? key? ok ok ok"),
    ("GET", "/api/consultations/{id}"): _rule(Access.KEY, "key? key? key? key? ok other? ok"),
    ("DELETE", "/api/consultations/{id}"): _rule(Access.KEY, "key? key? key? key? ok other? ok"),
    ("POST", "/api/consultations/{id}/entry"): _rule(Access.KEY, "key? key? key? key? ok other? ok"),
}


def rule_of(method: str, pattern: str) -> Rule:
    """Return the row of a route; HEAD is judged as GET. Raises `KeyError` when the table has none."""
    return TABLE["GET" if method == "HEAD" else method, pattern]
