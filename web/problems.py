"""What can go wrong with a request: a code for programs, an HTTP status, and a sentence for people (a msgid).

Pages show the sentence in error.html; scripts and the REST API get it as problem+json (RFC 9457).
"""

import msgspec


def sentence(text: str) -> str:
    """Return `text`. Marks a msgid, so that the test of the catalogues finds it."""
    return text


class Kind(msgspec.Struct, frozen=True):
    """One kind of problem."""

    status: int
    sentence: str


KINDS: dict[str, Kind] = {
    "bad_request": Kind(400, sentence("We could not read this request.")),
    "key_needed": Kind(401, sentence("This needs a valid API key.")),
    "not_our_page": Kind(
        403, sentence("This request did not come from a page of this site. Reload the page and retry.")
    ),
    "not_allowed": Kind(403, sentence("This API key may not do this.")),
    "not_found": Kind(404, sentence("There is nothing here, or it is not yours to see.")),
    "link_unknown": Kind(404, sentence("This link is not valid, or not any more.")),
    "method_not_allowed": Kind(405, sentence("This cannot be done at this address.")),
    "someone_else": Kind(409, sentence("Another practitioner is logged in here.")),
    "too_late": Kind(409, sentence("This consultation is over or cancelled: this can no longer be done.")),
    "too_large": Kind(413, sentence("This is too large: 64 KiB at most.")),
    "media_type": Kind(415, sentence("The body's Content-Type is not the one expected here.")),
    "bad_body": Kind(422, sentence("The body does not have the form described in /api/openapi.json.")),
    "bad_patient_name": Kind(422, sentence("The patient's name takes 1 to 80 characters.")),
    "bad_minutes": Kind(422, sentence("A consultation lasts 5 to 240 minutes.")),
    "bad_start": Kind(422, sentence("A consultation starts within a year from now, or started at most an hour ago.")),
    "bad_time": Kind(422, sentence("This is not a date and time.")),
    "no_such_time": Kind(422, sentence("The clocks change on that day and skip this time: choose another.")),
    "practitioner_unknown": Kind(422, sentence("No practitioner with this e-mail can be planned for with this key.")),
    "too_many": Kind(429, sentence("Too many tries. Wait a moment, then try again.")),
    "server_error": Kind(500, sentence("Something went wrong on our side. It has been noted.")),
    "not_ready": Kind(503, sentence("The service is not ready yet. Try again in a moment.")),
}

_BY_STATUS = {
    403: "not_allowed",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "media_type",
    429: "too_many",
}


class Refused(Exception):
    """Theirs: the answer is the problem `code`. `field` names the culprit, `retry_after` is in seconds."""

    def __init__(self, code: str, *, field: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.field = field
        self.retry_after = retry_after

    @property
    def status(self) -> int:
        return KINDS[self.code].status


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error (RFC 9457). `detail` is a sentence in the language asked for, `code` is for programs."""

    title: str
    status: int
    detail: str
    code: str
    field: str | None = None
    reference: str | None = None


def code_of_status(status: int) -> str:
    """Return the code for an error status that the server itself answered with."""
    return _BY_STATUS.get(status, "server_error" if status >= 500 else "bad_request")


def answers_in_json(method: str, path: str) -> bool:
    """Whether a program, not a person, reads the answer."""
    return (
        path.startswith("/api/")
        or path in {"/join/look", "/healthz", "/readyz", "/metrics"}
        or (method, path) == ("POST", "/open")
    )
