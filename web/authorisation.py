"""Who may do what over HTTP: one row for every route, enforced by `web.io.guard` and run cell by cell by a test.

A route without a row cannot be served: `build_app` refuses to build. What each caller gets:

    ok      the answer itself (2xx, or the 303 that follows a successful form)
    log_in  303 to /login
    key?    401: no valid API key
    other?  404: it exists, but not for this caller; the same answer as for what does not exist
    no      403: known, but not allowed to do this here
"""

from dataclasses import dataclass
from enum import StrEnum


class Access(StrEnum):
    """What a route asks of its caller before its handler runs. Whose the thing is, the handler decides (404)."""

    OPEN = "open"
    PRACTITIONER = "practitioner"
    KEY = "key"
    OPERATOR = "operator"


class Caller(StrEnum):
    """The columns of the table. Consultations in question belong to `OWNER`."""

    ANONYMOUS = "anonymous"
    PATIENT = "patient"
    OWNER = "practitioner 1"
    OTHER = "practitioner 2"
    KEY = "api key"
    FOREIGN_KEY = "foreign api key"
    PLATFORM_KEY = "platform api key"


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


def _rule(access: Access, row: str) -> Rule:
    cells = [Outcome(word) for word in row.split()]
    return Rule(access, dict(zip(Caller, cells, strict=True)))


_EVERYBODY = "ok ok ok ok ok ok ok"
_LOGGED_IN = "log_in log_in ok ok log_in log_in log_in"
_OWNER = "log_in log_in ok other? log_in log_in log_in"

# columns:                                                  anonymous patient owner other key foreign_key platform_key
TABLE: dict[tuple[str, str], Rule] = {
    ("GET", "/"): _rule(Access.OPEN, _EVERYBODY),
    ("GET", "/login"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/login"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/logout"): _rule(Access.OPEN, _EVERYBODY),
    ("GET", "/open"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/open"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/language"): _rule(Access.OPEN, _EVERYBODY),
    ("GET", "/join"): _rule(Access.OPEN, _EVERYBODY),
    ("POST", "/join/look"): _rule(Access.OPEN, _EVERYBODY),
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
    ("POST", "/api/consultations"): _rule(Access.KEY, "key? key? key? key? ok ok ok"),
    ("GET", "/api/consultations/{id}"): _rule(Access.KEY, "key? key? key? key? ok other? ok"),
    ("DELETE", "/api/consultations/{id}"): _rule(Access.KEY, "key? key? key? key? ok other? ok"),
    ("POST", "/api/consultations/{id}/entry"): _rule(Access.KEY, "key? key? key? key? ok other? ok"),
}


def rule_of(method: str, pattern: str) -> Rule:
    """Return the row of a route; HEAD is judged as GET. Raises `KeyError` when the table has none."""
    return TABLE["GET" if method == "HEAD" else method, pattern]
