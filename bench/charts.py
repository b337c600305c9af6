"""Line charts as inline SVG: no script, no font, no colour of their own; the page's style sheet gives those."""

import math
from html import escape

from bench.report import Chart, as_text

WIDTH, HEIGHT = 640, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 36, 12, 40


def svg(chart: Chart) -> str:
    """Return the chart as one `<svg>` element; a sentence instead when it has no points."""
    series = [(s.name, [(x, y) for x, y in s.points if math.isfinite(x) and math.isfinite(y)]) for s in chart.series]
    points = [point for _, line in series for point in line]
    if not points:
        return "<p>Nothing was measured.</p>"
    across = _Axis.over([x for x, _ in points], _LEFT, WIDTH - _RIGHT, log=chart.log_x)
    up = _Axis.over([0.0, *(y for _, y in points)], HEIGHT - _BOTTOM, _TOP, log=False)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(chart.title)}">',
        *(_grid_line(up.place(tick), as_text(tick)) for tick in up.ticks),
        *(_foot(across.place(tick), as_text(tick)) for tick in across.ticks),
        _caption(chart.x),
    ]
    for index, (name, line) in enumerate(series):
        parts += _line(index, name, [(across.place(x), up.place(y), x, y) for x, y in line])
    return "\n".join([*parts, "</svg>"])


def _grid_line(y: float, text: str) -> str:
    return (
        f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'
    )


def _foot(x: float, text: str) -> str:
    return f'<text class="tick" x="{x:.1f}" y="{HEIGHT - _BOTTOM + 16}" text-anchor="middle">{text}</text>'


def _caption(text: str) -> str:
    middle = (WIDTH + _LEFT) / 2
    return f'<text class="axis" x="{middle:.0f}" y="{HEIGHT - 4}" text-anchor="middle">{escape(text)}</text>'


def _line(index: int, name: str, points: list[tuple[float, float, float, float]]) -> list[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _, _ in points)
    dots = [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3">'
        f"<title>{escape(name)}: {as_text(at)} → {as_text(value)}</title></circle>"
        for x, y, at, value in points
    ]
    return [f'<g class="series s{index % 6}"><polyline points="{path}"/>', *dots, "</g>"]


class _Axis:
    """Places values between two pixels."""

    def __init__(self, low: float, high: float, start: float, end: float, *, log: bool, ticks: list[float]) -> None:
        self._low, self._high, self._start, self._end, self._log = low, high, start, end, log
        self.ticks = ticks

    @classmethod
    def over(cls, values: list[float], start: float, end: float, *, log: bool) -> "_Axis":
        low, high = min(values), max(values)
        if log and low > 0:
            return cls(low, high, start, end, log=True, ticks=sorted(set(values)))
        step = _step(high - low or 1.0)
        low, high = math.floor(low / step) * step, math.ceil(high / step) * step
        if high == low:
            high += step
        ticks = [low + step * index for index in range(round((high - low) / step) + 1)]
        return cls(low, high, start, end, log=False, ticks=ticks)

    def place(self, value: float) -> float:
        if self._log:
            span = math.log(self._high / self._low) or 1.0
            share = math.log(value / self._low) / span
        else:
            share = (value - self._low) / (self._high - self._low)
        return self._start + share * (self._end - self._start)


def _step(span: float) -> float:
    """Return a round step that divides the span into four to eight parts."""
    power = math.pow(10, math.floor(math.log10(span)))
    return next(power * factor for factor in (0.2, 0.25, 0.5, 1, 2) if span / (power * factor) <= 8)
