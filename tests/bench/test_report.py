import re
from datetime import UTC, datetime

import pytest

from bench.page import to_html
from bench.report import (
    Chart,
    Figure,
    Machine,
    Report,
    ScenarioResult,
    Series,
    Table,
    as_text,
    from_json,
    lines,
    to_json,
)

RESULT = ScenarioResult(
    scenario="forwarding",
    options={"calls": "1, 10", "seconds": 5.0},
    summary=[
        Figure(name="CPU", value=3.21, unit="µs", low=3.0, high=3.5, bar="≤ 4", kept=True, note="50 calls"),
        Figure(name="memory", value=None, unit="KB"),
        Figure(name="odd", value=float("nan"), kept=False),
    ],
    tables=[Table(title="Points <all>", columns=["calls", "loss %"], rows=[[1, 0.0], [10, None]], note="n & m")],
    charts=[
        Chart(title="CPU", x="calls", y="µs", series=[Series("a<b", [(1, 5.0), (10, 4.0), (400, 3.0)])], log_x=True),
        Chart(title="Empty", x="calls", y="%", series=[Series("nothing", [])]),
        Chart(title="Flat", x="calls", y="%", series=[Series("zero", [(5, 0.0)])]),
    ],
    notes=["<script>alert(1)</script>"],
)
REPORT = Report(
    machine=Machine(processor="A chip", cores=2, memory=8 * 2**30, system="Linux", python="3.11.0"),
    versions={"visavis": "0.1.0"},
    when=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    command="visavis bench forwarding",
    results=[RESULT, ScenarioResult(scenario="peers", options={}, summary=[], skipped="no Janus here")],
)


def test_a_report_comes_back_from_its_json():
    again = from_json(to_json(REPORT))
    assert again.results[0].tables == RESULT.tables
    assert again.results[0].summary[2].value is None
    assert again.when == REPORT.when


def test_the_page_needs_nothing_from_anywhere():
    page = to_html(REPORT)
    assert not re.search(r"""(src|href)\s*=|@import|url\(|<script|https?://""", page)
    assert "prefers-color-scheme: dark" in page


def test_the_page_shows_machine_versions_figures_and_what_was_skipped():
    page = to_html(REPORT)
    for text in (
        "A chip, 2 cores, 8 GiB",
        "visavis 0.1.0",
        "3.21",
        "3 \u2013 3.5",
        "kept",
        "not kept",
        "no Janus here",
    ):
        assert text in page
    assert page.count("<svg") == 2
    assert "Nothing was measured." in page


def test_texts_cannot_become_markup():
    page = to_html(REPORT)
    assert "a<b" not in page
    assert "Points &lt;all&gt;" in page


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, "\u2013"),
        (float("nan"), "\u2013"),
        ("abc", "abc"),
        (0, "0"),
        (3.14159, "3.142"),
        (1234567.8, "1\u202f234\u202f568"),
    ],
)
def test_cells_as_people_read_them(cell, text):
    assert as_text(cell) == text


def test_lines_for_a_terminal_stand_in_columns():
    shown = lines(RESULT)
    assert shown[0] == "forwarding"
    assert shown[1].split() == ["CPU", "3.21", "µs", "(3\u20133.5)", "≤", "4", "kept", "50", "calls"]
    assert "  note: <script>alert(1)</script>" in shown
    assert lines(REPORT.results[1]) == ["peers: skipped, no Janus here"]
