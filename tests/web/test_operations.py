import pytest


async def test_the_process_says_that_it_is_alive(practice):
    practice.ready = [("database", False)]
    answer = await practice.get("/healthz")
    assert (answer.status, await answer.json()) == (200, {"alive": True})


async def test_it_is_ready_when_every_part_is(practice):
    answer = await practice.get("/readyz")
    assert (answer.status, await answer.json()) == (
        200,
        {"ready": True, "checks": {"database": True, "workers": True}},
    )
    practice.ready = [("database", True), ("workers", False)]
    answer = await practice.get("/readyz")
    assert (answer.status, await answer.json()) == (
        503,
        {"ready": False, "checks": {"database": True, "workers": False}},
    )


async def test_the_measures_name_calls_and_routes_and_never_a_path(practice):
    consultation = await practice.plan()
    await practice.get(f"/consultations/{consultation.id}", await practice.as_(practice.owner))
    await practice.get("/nothing")
    answer = await practice.get("/metrics")
    text = await answer.text()
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "visavis_calls_open 2.0" in text
    assert 'visavis_http_requests_total{method="GET",route="/consultations/{id}",status="200"} 1.0' in text
    assert 'visavis_http_requests_total{method="GET",route="(none)",status="404"} 1.0' in text
    assert consultation.id not in text
    practice.gauges["visavis_calls_open"] = 3.0
    assert "visavis_calls_open 3.0" in await (await practice.get("/metrics")).text()


async def test_the_measures_are_for_this_machine_or_a_platforms_key(practice):
    assert (await practice.get("/metrics")).status == 200
    for handed_on in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        assert (await practice.get("/metrics", {handed_on: "127.0.0.1"})).status == 401
    elsewhere = {"X-Forwarded-For": "203.0.113.9"}
    assert (await practice.get("/metrics", {**await practice.key(None), **elsewhere})).status == 200
    assert (await practice.get("/metrics", {**await practice.key(practice.owner), **elsewhere})).status == 403


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8080", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1", 200),
        ("127.8.0.1:1", 200),
        ("[::1]:8080", 200),
        ("visio.example.org", 200),
        ("visio.example.org:8080", 200),
        ("evil.example", 401),
        ("evil.example:8080", 401),
        ("localhost.evil.example", 401),
        ("127.0.0.1.evil.example", 401),
        ("user@localhost", 401),
        ("[", 401),
        ("", 401),
    ],
)
async def test_a_page_whose_name_was_made_to_lead_here_does_not_read_the_measures(opened, host, status):
    practice = await opened(public_url="https://visio.example.org")
    assert (await practice.get("/metrics", {"Host": host})).status == status


async def test_without_a_public_address_no_name_is_ours(opened):
    practice = await opened()
    assert (await practice.get("/metrics", {"Host": "evil.example"})).status == 401
