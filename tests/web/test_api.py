"""The REST API does what its own document says."""

import re
from datetime import datetime, timedelta

import pytest

from web.problems import KINDS


def conforms(value, schema, document, where="$"):
    """Check `value` against the part of JSON Schema that our document uses; an unknown keyword fails."""
    schema = dict(schema)
    for keyword in ("title", "description", "default"):
        schema.pop(keyword, None)
    if reference := schema.pop("$ref", None):
        assert not schema, where
        return conforms(value, document["components"]["schemas"][reference.rpartition("/")[2]], document, where)
    if either := schema.pop("anyOf", None):
        assert not schema, where
        kinds = {"null": value is None, "string": isinstance(value, str)}
        chosen = [one for one in either if kinds.get(one.get("type"), False)]
        assert len(chosen) == 1, where
        return conforms(value, chosen[0], document, where)
    kind = schema.pop("type", None)
    python = {"object": dict, "string": str, "integer": int, "boolean": bool, "null": type(None), None: object}[kind]
    assert isinstance(value, python), where
    if kind == "object":
        properties = schema.pop("properties")
        assert set(schema.pop("required")) <= set(value) <= set(properties), where
        schema.pop("additionalProperties", None)
        for name, inner in value.items():
            conforms(inner, properties[name], document, f"{where}.{name}")
    if (allowed := schema.pop("enum", None)) is not None:
        assert value in allowed, where
    if schema.pop("format", None) == "date-time":
        assert datetime.fromisoformat(value).utcoffset() is not None, where
    assert schema.pop("minimum", value) <= value if kind == "integer" else True, where
    assert not schema, f"{where}: unknown keywords {schema}"
    return None


async def documented(practice):
    answer = await practice.get("/api/openapi.json")
    assert (answer.status, answer.content_type) == (200, "application/json")
    return await answer.json()


async def check(answer, document, method, pattern):
    responses = document["paths"][pattern][method]["responses"]
    assert str(answer.status) in responses, f"{method} {pattern} {answer.status} is not documented"
    content = responses[str(answer.status)]["content"]
    assert set(content) == {answer.content_type}
    body = await answer.json()
    conforms(body, content[answer.content_type]["schema"], document)
    return body


ALL, ONE = "/api/consultations", "/api/consultations/{id}"
ENTRY = "/api/consultations/{id}/entry"
NOBODYS = "/api/consultations/con_AAAAAAAAAAAAAAAAAAAAAA"


async def test_every_documented_answer_is_given_and_has_its_documented_shape(practice):
    document = await documented(practice)
    key = await practice.key(practice.owner)
    post = practice.client.post
    seen = set()

    async def see(answer, method, pattern):
        seen.add((method, pattern, str(answer.status)))
        return await check(answer, document, method, pattern)

    made = await see(await post(ALL, json={"patient_name": "Zoé"}, headers=key), "post", ALL)
    await see(await post(ALL, data=b"{", headers={**key, "Content-Type": "application/json"}), "post", ALL)
    await see(await post(ALL, json={"patient_name": "Zoé"}), "post", ALL)
    await see(await post(ALL, data=b"x" * 70_000, headers={**key, "Content-Type": "application/json"}), "post", ALL)
    await see(await post(ALL, data={"patient_name": "Zoé"}, headers=key), "post", ALL)
    await see(await post(ALL, json={"patient_name": ""}, headers=key), "post", ALL)
    price = {"basis": "fixed", "fixed": 8000}
    locked = {"patient_name": "Zoé", "price": {**price, "locked": True}}
    await see(await post(ALL, json=locked, headers=key), "post", ALL)
    newcomer = await practice.agenda.create_practitioner("new@example.org", "Dr New", None, practice.at)
    unpaid = {"patient_name": "Zoé", "price": price}
    await see(await post(ALL, json=unpaid, headers=await practice.key(newcomer)), "post", ALL)
    mine = f"{ALL}/{made['id']}"
    for method in ("get", "delete"):
        await see(await practice.client.request(method, mine), method, ONE)
        await see(await practice.client.request(method, NOBODYS, headers=key), method, ONE)
        await see(await practice.client.request(method, mine, headers=key), method, ONE)
    way_in = f"{ALL}/{(await (await post(ALL, json={'patient_name': 'Zoé'}, headers=key)).json())['id']}/entry"
    await see(await post(way_in, headers=key), "post", ENTRY)
    await see(await post(way_in), "post", ENTRY)
    await see(await post(f"{NOBODYS}/entry", headers=key), "post", ENTRY)
    past = await practice.plan()
    practice.later(hours=3)
    await see(await post(way_in, headers=key), "post", ENTRY)
    await see(await practice.client.delete(f"{ALL}/{past.id}", headers=key), "delete", ONE)
    every = {
        (method, pattern, status)
        for pattern, operations in document["paths"].items()
        for method, operation in operations.items()
        if method != "parameters"
        for status in operation["responses"]
    }
    assert seen == every


async def test_the_document_names_what_it_refers_to(practice):
    document = await documented(practice)
    assert document["openapi"] == "3.1.0"
    assert document["info"]["version"] == "1.2.3"
    assert document["servers"] == [{"url": practice.origin}]
    references = set(re.findall(r'"#/components/schemas/(\w+)"', str(document).replace("'", '"')))
    named = {"NewConsultation", "NewPrice", "ConsultationAnswer", "MeterAnswer", "PaymentAnswer", "Entry", "Problem"}
    assert references == named
    assert references <= set(document["components"]["schemas"])


async def test_a_consultation_is_planned_read_and_cancelled(practice):
    key = await practice.key(practice.owner)
    body = {"patient_name": "Zoé Petit", "starts_at": "2026-04-02T14:30:00+02:00", "minutes": 45}
    answer = await practice.client.post(ALL, json=body, headers=key)
    made = await answer.json()
    assert answer.status == 201
    assert answer.headers["Location"] == f"{ALL}/{made['id']}"
    token = made["patient_url"].removeprefix(f"{practice.origin}/join#")
    assert await practice.lobby.consultation_of(token) == made["id"]
    assert made == {
        "id": made["id"],
        "practitioner": "anne@example.org",
        "patient_name": "Zoé Petit",
        "starts_at": made["starts_at"],
        "minutes": 45,
        "state": "planned",
        "patient_url": made["patient_url"],
        "practitioner_url": f"{practice.origin}/consultations/{made['id']}",
        "meter": {"milliseconds": 0, "running": False, "paused": False},
        "payment": None,
    }
    assert datetime.fromisoformat(made["starts_at"]) == datetime.fromisoformat(body["starts_at"])
    read = await (await practice.get(f"{ALL}/{made['id']}", key)).json()
    assert {**read, "starts_at": None} == {**made, "starts_at": None}
    for _ in range(2):
        cancelled = await practice.client.delete(f"{ALL}/{made['id']}", headers=key)
        assert cancelled.status == 200
        assert (await cancelled.json())["state"] == "cancelled"
        assert (await cancelled.json())["patient_url"] is None
    assert set(practice.cancelled) == {made["id"]}


async def test_an_entry_logs_the_practitioner_in_once_and_leads_to_the_consultation(practice):
    key = await practice.key(practice.owner)
    made = await (await practice.client.post(ALL, json={"patient_name": "Zoé"}, headers=key)).json()
    answer = await practice.client.post(f"{ALL}/{made['id']}/entry", headers=key)
    entry = await answer.json()
    assert answer.status == 201
    token = entry["url"].removeprefix(f"{practice.origin}/open#")
    assert await practice.credentials.redeem_login_link(token, practice.at) == (
        practice.owner.id,
        f"/consultations/{made['id']}",
    )
    assert await practice.credentials.redeem_login_link(token, practice.at) is None


async def test_an_entry_lapses_after_ten_minutes_and_is_not_made_for_a_cancelled_consultation(practice):
    key = await practice.key(practice.owner)
    made = await (await practice.client.post(ALL, json={"patient_name": "Zoé"}, headers=key)).json()
    entry = await (await practice.client.post(f"{ALL}/{made['id']}/entry", headers=key)).json()
    assert datetime.fromisoformat(entry["expires_at"]) == practice.at + timedelta(minutes=10)
    practice.later(minutes=10)
    assert await practice.credentials.redeem_login_link(entry["url"].rpartition("#")[2], practice.at) is None
    await practice.client.delete(f"{ALL}/{made['id']}", headers=key)
    assert (await practice.client.post(f"{ALL}/{made['id']}/entry", headers=key)).status == 409


async def test_without_a_time_it_starts_now(practice):
    key = await practice.key(practice.owner)
    made = await (await practice.client.post(ALL, json={"patient_name": "Zoé"}, headers=key)).json()
    assert (made["starts_at"], made["minutes"], made["state"]) == ("2026-03-10T09:00:00Z", 30, "open")


async def test_a_platforms_key_says_for_whom_and_a_practitioners_key_is_theirs_alone(practice):
    platform, own = await practice.key(None), await practice.key(practice.owner)
    wanted = {
        ("paul@example.org", "platform"): 201,
        ("PAUL@example.org ", "platform"): 201,
        (None, "platform"): 422,
        ("nobody@example.org", "platform"): 422,
        ("anne@example.org", "own"): 201,
        (None, "own"): 201,
        ("paul@example.org", "own"): 422,
        ("nobody@example.org", "own"): 422,
    }
    bodies = {}
    for (email, kind), status in wanted.items():
        body = {"patient_name": "Zoé", **({"practitioner": email} if email else {})}
        answer = await practice.client.post(ALL, json=body, headers=platform if kind == "platform" else own)
        assert answer.status == status, (email, kind)
        bodies[email, kind] = await answer.json()
    assert bodies["paul@example.org", "platform"]["practitioner"] == "paul@example.org"
    assert bodies["paul@example.org", "own"] == bodies["nobody@example.org", "own"]
    assert bodies["paul@example.org", "own"]["field"] == "practitioner"


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "bad_body", "patient_name"),
        ({"patient_name": 5}, "bad_body", "patient_name"),
        ({"patient_name": ""}, "bad_body", "patient_name"),
        ({"patient_name": "  "}, "bad_patient_name", "patient_name"),
        ({"patient_name": "Zoé", "minutes": 4}, "bad_body", "minutes"),
        ({"patient_name": "Zoé", "minutes": 30.5}, "bad_body", "minutes"),
        ({"patient_name": "Zoé", "starts_at": "2026-04-02T14:30:00"}, "bad_body", "starts_at"),
        ({"patient_name": "Zoé", "starts_at": "tomorrow"}, "bad_body", "starts_at"),
        ({"patient_name": "Zoé", "starts_at": "2026-03-10T07:59:00Z"}, "bad_start", "starts_at"),
        ({"patient_name": "Zoé", "starts_at": "0001-01-01T00:00:00+14:00"}, "bad_start", "starts_at"),
        ({"patient_name": "Zoé", "starts_at": "9999-12-31T23:59:59-14:00"}, "bad_start", "starts_at"),
        ({"patient_name": "Zoé", "colour": "red"}, "bad_body", "colour"),
        (["Zoé"], "bad_body", None),
    ],
    ids=str,
)
async def test_a_body_that_is_none_is_answered_with_its_fault(practice, body, code, field):
    answer = await practice.client.post(ALL, json=body, headers=await practice.key(practice.owner))
    problem = await answer.json()
    assert (answer.status, answer.content_type) == (422, "application/problem+json")
    assert (problem["code"], problem.get("field")) == (code, field)


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b'{"patient_name": "\\ud800"}', b"[" * 60_000], ids=str)
async def test_bytes_that_are_no_json_are_refused(practice, raw):
    headers = {**await practice.key(practice.owner), "Content-Type": "application/json"}
    answer = await practice.client.post(ALL, data=raw, headers=headers)
    assert answer.status in {400, 422}


async def test_a_problem_is_a_sentence_in_the_callers_language(practice):
    said = {}
    for language in ("fr", "en"):
        answer = await practice.get("/api/consultations/x", {"Accept-Language": language})
        assert answer.headers["Content-Language"] == language
        said[language] = await answer.json()
    assert said["en"] == {
        "title": "Unauthorized",
        "status": 401,
        "detail": KINDS["key_needed"].sentence,
        "code": "key_needed",
    }


async def test_a_browser_session_is_no_key_and_a_key_needs_no_page(practice):
    own = await practice.as_(practice.owner)
    assert (await practice.script(ALL, {"patient_name": "Zoé"}, own)).status == 401
    key = {**await practice.key(practice.owner), "Origin": "https://elsewhere.example"}
    assert (await practice.client.post(ALL, json={"patient_name": "Zoé"}, headers=key)).status == 201
