"""Spans of time: unions, intersections and lengths. A span is (start, end) on one clock, in seconds."""

from collections.abc import Iterable, Sequence

Span = tuple[float, float]


def union(spans: Iterable[Span]) -> list[Span]:
    """Return the spans in order, those that touch made one; empty and backward spans are dropped."""
    joined: list[Span] = []
    for start, end in sorted(span for span in spans if span[1] > span[0]):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def intersection(one: Iterable[Span], other: Iterable[Span]) -> list[Span]:
    """Return the time that lies in both."""
    left, right = union(one), union(other)
    common: list[Span] = []
    i = j = 0
    while i < len(left) and j < len(right):
        start, end = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if end > start:
            common.append((start, end))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return common


def length(spans: Sequence[Span]) -> float:
    """Return how long the spans are together, what they share counted once."""
    return sum(end - start for start, end in union(spans))
