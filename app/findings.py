"""What the doctor says: one finding a line, graded, each with what to do."""

from dataclasses import dataclass
from enum import StrEnum

from app.language import Sentence


class Grade(StrEnum):
    """How a finding counts: `fail` alone makes the doctor's exit code 1."""

    OK = "ok"
    INFO = "info"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it is, and what to do."""

    subject: str
    grade: Grade
    sentence: Sentence


def ok(subject: str, sentence: Sentence) -> Finding:
    """Return a finding that needs nothing done."""
    return Finding(subject, Grade.OK, sentence)


def info(subject: str, sentence: Sentence) -> Finding:
    """Return a finding that is neither good nor bad."""
    return Finding(subject, Grade.INFO, sentence)


def warn(subject: str, sentence: Sentence) -> Finding:
    """Return a finding that works today and may not tomorrow, or could not be told from here."""
    return Finding(subject, Grade.WARN, sentence)


def fail(subject: str, sentence: Sentence) -> Finding:
    """Return a finding with which consultations do not work."""
    return Finding(subject, Grade.FAIL, sentence)
