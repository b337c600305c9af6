"""What a run of the bench found, as it goes to a JSON file and to the HTML page.

A scenario returns a `ScenarioResult`; the command puts the results of a run into a `Report`. Numbers that were not
measured are None, never 0. Tables and charts are general, so that the page needs to know no scenario.
"""

from datetime import datetime

import msgspec

# A cell is a text, a number, or None for "not measured".
Cell = str | float | int | None


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One number of the summary. `low` and `high` are the spread of repetitions; `bar` is what it should keep to.

    `kept` says whether the bar was kept; None where there is no bar or nothing was measured.
    """

    name: str
    value: float | None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    bar: str = ""
    kept: bool | None = None
    note: str = ""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Rows under columns; a column's unit stands in its name."""

    title: str
    columns: list[str]
    rows: list[list[Cell]]
    note: str = ""


class Series(msgspec.Struct, frozen=True):
    """One line of a chart: its points (x, y) in order of x."""

    name: str
    points: list[tuple[float, float]]


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """A line chart; `log_x` for curves over 1 … 400 calls."""

    title: str
    x: str
    y: str
    series: list[Series]
    log_x: bool = False


class ScenarioResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one scenario found. `complete` is false when it was interrupted; `skipped` says why nothing was run."""

    scenario: str
    options: dict[str, Cell]
    summary: list[Figure]
    tables: list[Table] = []
    charts: list[Chart] = []
    notes: list[str] = []
    seconds: float = 0.0
    complete: bool = True
    skipped: str = ""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where it ran. Memory in bytes."""

    processor: str
    cores: int
    memory: int
    system: str
    python: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One run of the command: where, with which versions, when, and what was found."""

    machine: Machine
    versions: dict[str, str]
    when: datetime
    command: str
    results: list[ScenarioResult]


def to_json(report: Report) -> bytes:
    """Return the report as indented JSON. NaN becomes null."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def from_json(data: bytes) -> Report:
    """Return the report in a JSON file. Raises `msgspec.MsgspecError` for anything else."""
    return msgspec.json.decode(data, type=Report)


def as_text(cell: Cell) -> str:
    """Return a cell as people read it: four significant digits, thousands apart, a dash for what was not measured."""
    if cell is None or cell != cell:  # noqa: PLR0124 — NaN
        return "–"
    if isinstance(cell, str):
        return cell
    if float(cell).is_integer() or abs(cell) >= 1000:
        return f"{cell:,.0f}".replace(",", "\u202f")
    return f"{cell:.4g}"


def lines(result: ScenarioResult) -> list[str]:
    """Return the result as lines for a terminal: the summary, then each table."""
    head = result.scenario + ("" if result.complete else " (interrupted: what was done until then)")
    if result.skipped:
        return [f"{head}: skipped, {result.skipped}"]
    out = [head, *_aligned([_figure(figure) for figure in result.summary])]
    for table in result.tables:
        out += ["", table.title, *_aligned([table.columns, *([as_text(cell) for cell in row] for row in table.rows)])]
        out += [f"  {table.note}"] if table.note else []
    return out + [f"  note: {note}" for note in result.notes]


def _figure(figure: Figure) -> list[str]:
    around = "" if figure.low is None or figure.high is None else f"({as_text(figure.low)}–{as_text(figure.high)})"
    verdict = "" if figure.kept is None else ("kept" if figure.kept else "not kept")
    return [figure.name, as_text(figure.value), figure.unit, around, figure.bar, verdict, figure.note]


def _aligned(rows: list[list[str]]) -> list[str]:
    if not rows:
        return []
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width).rstrip()
        for row in rows
    ]
