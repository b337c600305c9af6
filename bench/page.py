"""The report as one self-contained HTML page: inline SVG and style, nothing fetched, no script."""

import jinja2
from markupsafe import Markup

from bench.charts import svg
from bench.report import Chart, Report, as_text


def to_html(report: Report) -> str:
    """Return the page."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bench"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["text"] = as_text
    environment.filters["svg"] = _svg
    return environment.get_template("report.html").render(report=report)


def _svg(chart: Chart) -> Markup:
    return Markup(svg(chart))  # noqa: S704 — every text in it is escaped there
