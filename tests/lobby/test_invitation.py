"""Invitations: derived, so that they can be shown again."""

import re

from lobby.invitation import derive
from store.ids import ConsultationId

KEY = b"0123456789abcdef0123456789abcdef"
CONSULTATION = ConsultationId("con_ABCDEFGHIJKLMNOPQRST-_")


def test_the_same_invitation_comes_out_each_time_and_is_long_and_url_safe():
    token = derive(KEY, CONSULTATION, 1)
    assert token == derive(KEY, CONSULTATION, 1)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token)


def test_key_consultation_and_generation_each_make_another():
    tokens = {
        derive(key, ConsultationId(consultation), generation)
        for key in (KEY, KEY[::-1])
        for consultation in (CONSULTATION, CONSULTATION + "1")
        for generation in (1, 2, 11)
    }
    assert len(tokens) == 12
