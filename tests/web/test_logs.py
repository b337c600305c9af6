"""What is logged of a visit: route patterns and durations; no token, name, e-mail, id or address."""

import asyncio
import logging
from datetime import timedelta

from aiohttp import web as aioweb
from structlog.testing import capture_logs

from web.io.application import runner_of

ADDRESS = {"X-Forwarded-For": "203.0.113.77"}


async def test_a_whole_visit_leaves_none_of_its_secrets_in_the_log(practice, caplog):
    caplog.set_level(logging.INFO)
    link = await practice.credentials.create_login_link(practice.owner.id, "/desk", practice.at, timedelta(minutes=10))
    consultation = await practice.plan(name="Jeanne Dupont")
    invitation = await practice.lobby.invite(consultation.id, practice.at)
    session = await practice.session(practice.owner)
    key = await practice.key(practice.owner)
    cookie = {"Cookie": f"visavis={session}", **ADDRESS}
    with capture_logs() as logs:
        await practice.log_in("anne@example.org", "wrong password 77", ADDRESS)
        await practice.script("/open", {"token": link}, ADDRESS)
        await practice.script("/open", {"token": link}, ADDRESS)
        await practice.get("/desk", cookie)
        await practice.form("/desk/consultations", cookie, patient_name="Zoé Petit", when="now", minutes="30")
        await practice.get(f"/consultations/{consultation.id}", cookie)
        await practice.get(f"/desk/consultations/{consultation.id}/invitation.svg", cookie)
        await practice.get(f"/{invitation}?{invitation}", ADDRESS)
        await practice.script("/join/look", {"invitation": invitation}, ADDRESS)
        await practice.get(f"/api/consultations/{consultation.id}", {**key, **ADDRESS})
        await practice.form("/logout", cookie)
    assert len(logs) == 11
    assert set(logs[0]) == {"event", "log_level", "method", "route", "status", "milliseconds"}
    said = str(logs)
    secrets = (link, invitation, session, key["Authorization"].removeprefix("Bearer "), "wrong password 77")
    people = ("anne@", "Jeanne", "Zoé", consultation.id, practice.owner.id, "203.0.113.77")
    assert not [word for word in (*secrets, *people) if word in said]
    # The test's own server keeps aiohttp's access log; ours is switched off by `runner_of`.
    own = "\n".join(record.getMessage() for record in caplog.records if record.name != "aiohttp.access")
    assert not [word for word in (*secrets, *people) if word in own]


async def test_the_runner_logs_neither_addresses_nor_the_bytes_of_a_broken_request(opened, caplog):
    practice = await opened()
    caplog.set_level(logging.DEBUG)
    runner = runner_of(practice.client.app)
    assert runner._kwargs["access_log"] is None
    await runner.setup()
    site = aioweb.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    caplog.clear()
    try:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nsecret bytes\x00: x\r\n\r\n")
        assert b" 400 " in await reader.readline()
        writer.close()
    finally:
        await runner.cleanup()
    said = [record.getMessage() for record in caplog.records if record.name == "web.connections"]
    assert said == ["connection ended by BadHttpMessage"]
    assert "127.0.0.1" not in caplog.text
    assert "secret bytes" not in caplog.text
