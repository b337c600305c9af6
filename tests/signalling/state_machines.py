"""Writes docs/state-machines.md from the tables in the code: `python -m tests.signalling.state_machines`."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from billing import hold, payment
from lobby import admission
from notify import delivery
from signalling import call

PAGE = Path(__file__).parents[2] / "docs" / "state-machines.md"

HEAD = """# State machines

Each machine is one table in one file; this page is written from those tables by
`python -m tests.signalling.state_machines`, and a test compares them. What a table does not hold cannot happen.
"""


def section(title: str, file: str, states: type[StrEnum], table: Mapping[tuple[StrEnum, StrEnum], StrEnum]) -> str:
    """Return one machine's part of the page."""
    rows = "\n".join(f"| `{before}` | `{move}` | `{after}` |" for (before, move), after in table.items())
    final = ", ".join(f"`{state}`" for state in states if all(before is not state for before, _ in table))
    return f"""
## {title}

[`{file}`](../{file}). Nothing leads on from: {final}.

| from | by | to |
|---|---|---|
{rows}
"""


def page() -> str:
    """Return the page's text."""
    return (
        HEAD
        + section("Admission", "lobby/admission.py", admission.State, admission.TRANSITIONS)
        + section("Call", "signalling/call.py", call.CallState, call.TRANSITIONS)
        + section("Hold", "billing/hold.py", hold.HoldState, hold.TRANSITIONS)
        + section("Payment", "billing/payment.py", payment.PaymentState, payment.TRANSITIONS)
        + section("Letter", "notify/delivery.py", delivery.LetterState, delivery.TRANSITIONS)
    )


if __name__ == "__main__":
    PAGE.write_text(page())
