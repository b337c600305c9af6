from bench.search import Search


def most_found(truth: float, *, start: float = 2.0, limit: float = 16.0) -> tuple[Search, int]:
    """Search against a server that carries up to `truth`; return the search and how many loads were tried."""
    search = Search(start, limit)
    tried = 0
    while (load := search.next) is not None:
        tried += 1
        assert load <= limit
        search.tell(load <= truth)
    return search, tried


def test_the_most_is_found_within_its_resolution_in_a_few_trials():
    for truth in (0.7, 1.0, 2.7, 7.3, 11.0):
        search, tried = most_found(truth)
        assert search.best is not None
        assert 0.94 * truth <= search.best <= truth
        assert not search.at_limit
        assert tried <= 11


def test_a_server_that_carries_everything_is_at_the_limit():
    search, _ = most_found(100.0)
    assert search.at_limit
    assert search.best == 16.0


def test_a_server_that_carries_nothing_has_no_most():
    search, _ = most_found(0.01)
    assert search.best is None
    assert not search.at_limit


def test_telling_after_the_end_changes_nothing():
    search, _ = most_found(2.7)
    best = search.best
    search.tell(True)
    assert (search.best, search.next) == (best, None)
