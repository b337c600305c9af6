"""What happens to a test whose requirements are not met."""

import pytest

from tests.requirements import missing


def test_a_missing_requirement_skips_with_its_reason(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("VISAVIS_REQUIRE", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no such browser"):
        missing("no such browser")


def test_where_everything_is_required_it_fails_with_its_reason(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VISAVIS_REQUIRE", "all")
    with pytest.raises(pytest.fail.Exception, match="no such browser"):
        missing("no such browser")
