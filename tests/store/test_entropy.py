"""Ids and tokens."""

import hashlib
import re

import pytest

from store.ids import Prefix, is_id
from store.io.entropy import digest, new_id, new_token


@pytest.mark.parametrize("prefix", Prefix)
def test_a_new_id_has_the_form_of_its_kind_and_of_no_other(prefix: Prefix):
    made = {new_id(prefix) for _ in range(1000)}
    assert len(made) == 1000
    assert all(is_id(one, prefix) for one in made)
    assert not any(is_id(one, other) for one in made for other in Prefix if other is not prefix)


@pytest.mark.parametrize(
    "text", ["", "con_", "con_" + "A" * 21, "con_" + "A" * 23, "con_" + "é" * 22, "con_" + "A" * 22 + "\n"]
)
def test_what_only_resembles_an_id_is_none(text: str):
    assert not is_id(text, Prefix.CONSULTATION)


def test_a_token_is_long_and_url_safe_and_its_digest_is_sha_256():
    token = new_token()
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token)
    assert digest(token) == hashlib.sha256(token.encode()).hexdigest()
    assert digest("\ud800") != digest("")
