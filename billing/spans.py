"""Sets of time as spans (start, end) in whole milliseconds of one clock: sorted, apart from each other, none empty."""

from collections.abc import Iterable

Span = tuple[int, int]


def union(spans: Iterable[Span]) -> list[Span]:
    """Return the spans in order, those that touch made one; empty and backward ones are dropped."""
    joined: list[Span] = []
    for start, end in sorted(span for span in spans if span[1] > span[0]):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def intersection(one: list[Span], other: list[Span]) -> list[Span]:
    """Return the time in both of two unions."""
    common: list[Span] = []
    i = j = 0
    while i < len(one) and j < len(other):
        start, end = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if end > start:
            common.append((start, end))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return common


def difference(one: list[Span], other: list[Span]) -> list[Span]:
    """Return the time in the first of two unions that is not in the second."""
    left: list[Span] = []
    for span_start, end in one:
        start = span_start
        for taken_start, taken_end in other:
            if taken_end <= start or taken_start >= end:
                continue
            if taken_start > start:
                left.append((start, taken_start))
            start = taken_end
        if start < end:
            left.append((start, end))
    return left
