from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bench.intervals import intersection, length, union

moments = st.integers(0, 60).map(float)
spans = st.lists(st.tuples(moments, moments), max_size=8)


def seconds_in(some):
    return {second for start, end in some for second in range(int(start), int(end))}


@given(spans)
def test_a_union_holds_every_second_once(some):
    joined = union(some)
    assert seconds_in(joined) == seconds_in(some)
    assert all(one[1] < other[0] for one, other in pairwise(joined))
    assert length(some) == len(seconds_in(some))


@given(spans, spans)
def test_an_intersection_holds_the_seconds_of_both(one, other):
    assert seconds_in(intersection(one, other)) == seconds_in(one) & seconds_in(other)
    assert length(intersection(one, other)) == len(seconds_in(one) & seconds_in(other))
