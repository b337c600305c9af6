"""From the knock to the call, over real sockets and a real database."""

from tests.signalling.practice import Practice


async def test_patient_knocks_waits_is_admitted_and_talks(practice: Practice) -> None:
    """MMP-60, CLI-14, CLI-15."""
    claire = await practice.practitioner()
    consultation, invitation = await practice.consultation(claire)
    host, patient = await practice.call(claire, consultation, invitation)
    assert patient.kinds()[:3] == ["welcome", "waiting", "admitted"]
    assert patient.last("peer") == {
        "type": "peer",
        "present": True,
        "connected": True,
        "name": "Dr Claire Martin",
        "sending": {"microphone": True, "camera": True, "screen": False},
    }
    assert host.last("peer")["name"] == "Jean Dupont"
    assert host.last("peer")["connected"] is True
    assert host.last("call")["state"] == patient.last("call")["state"] == "live"
