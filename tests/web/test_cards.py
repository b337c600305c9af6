"""Where cards are entered: the provider's form on one page of ours, the sandbox's pages, the provider's webhooks."""

import re

import pytest
from yarl import URL

from tests.web.practice import VISA, Practice
from tests.web.senders import sandbox_form
from web.authorisation import TABLE


async def form(practice: Practice):
    consultation = await practice.priced()
    await practice.agree(consultation)
    begun = await practice.billing.holds.begin(consultation.id, practice.at)
    return {"account": begun.account, "client_secret": begun.client_secret, "token": "ctoken_1", "back": "/join"}


# -- the card page -------------------------------------------------------------------------------------------


async def test_the_card_page_and_no_other_lets_stripes_script_in(practice):
    policy = (await practice.get("/card")).headers["Content-Security-Policy"]
    assert "script-src 'self' https://js.stripe.com https://*.js.stripe.com;" in policy
    assert "connect-src 'self' https://api.stripe.com;" in policy
    assert "frame-ancestors 'none'" in policy
    assert "'unsafe" not in policy
    own = await practice.as_(practice.owner)
    for method, path in TABLE:
        if method == "GET" and path not in {"/card", "/ws"}:
            answer = await practice.get(re.sub(r"\{\w+\}", "x", path), own)
            assert "stripe.com" not in answer.headers["Content-Security-Policy"], path


async def test_in_the_sandbox_there_is_no_card_page_and_no_way_for_stripes_script(opened):
    practice = await opened(sandbox=True)
    answer = await practice.get("/card")
    assert answer.status == 404
    assert "stripe.com" not in answer.headers["Content-Security-Policy"]


async def test_the_card_page_holds_the_publishable_key_and_no_secret(practice, page_data):
    data = page_data(await (await practice.get("/card")).text())
    assert (data["publishable_key"], data["origin"]) == ("pk_double", practice.origin)


async def test_dat_31_a_card_is_confirmed_on_the_server(practice):
    answer = await practice.script("/card/confirm", await form(practice))
    assert (answer.status, await answer.json()) == (200, {"state": "requires_capture"})


@pytest.mark.parametrize(
    "change",
    [
        {"client_secret": "pi_1_secret_wrong"},
        {"client_secret": "pi_99_secret_x"},
        {"account": "acct_99"},
        {"client_secret": "acct_1_secret_x"},
        {"account": "acct_1/../v1"},
        {"token": "tok_1"},
        {"token": "ctoken_1/x"},
        {"account": "acct_1\n"},
        {"account": "acct_é"},
        {"back": "//elsewhere.example"},
        {"back": "/\\elsewhere.example"},
        {"back": "https://elsewhere.example/"},
    ],
    ids=str,
)
async def test_only_who_knows_the_forms_secret_confirms_it(practice, change):
    body = {**await form(practice), **change}
    answer = await practice.script("/card/confirm", body)
    assert answer.status in {404, 422}
    assert practice.till.gateway.received == 0
    assert not any(intent.capturable for intent in practice.till.gateway.intents.values())


# -- the sandbox's pages -------------------------------------------------------------------------------------


async def test_the_sandboxs_form_takes_a_card_and_leads_back(opened):
    practice = await opened(sandbox=True)
    url = await sandbox_form(practice)
    page = await practice.get(url)
    text = await page.text()
    assert (page.status, page.content_type) == (200, "text/html")
    assert "4242 4242 4242 4242" in text
    path, _, ticket = url.partition("?ticket=")
    answer = await practice.form(path, ticket=ticket, number=VISA, expiry="12/30", cvc="123")
    assert (answer.status, answer.headers["Location"]) == (303, "/join")
    assert (await practice.get("/sandbox/static/sandbox.css")).content_type == "text/css"


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "path",
    [
        "/sandbox/v1/payment_intents",
        "/sandbox/../v1/payment_intents",
        "/sandbox/%2e%2e/v1/payment_intents",
        "/sandbox/..%2fv1/payment_intents",
        "/sandbox/card/../../v1/payment_intents",
        "/sandbox//v1/payment_intents",
        "/sandbox/static/../../v1/events",
        "/sandbox/static/",
        "/sandbox/card/",
    ],
)
async def test_only_the_pages_for_people_are_passed_on_and_never_the_api(opened, method, path):
    practice = await opened(sandbox=True)
    headers = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}
    raw = URL(f"{practice.origin}{path}", encoded=True)
    answer = await practice.client.session.request(method, raw, headers=headers, allow_redirects=False)
    assert answer.status == 404
    assert answer.content_type == "text/html"


async def test_with_a_real_provider_there_is_no_sandbox(practice):
    for path in ("/sandbox/card", "/sandbox/static/sandbox.css", "/sandbox/dashboard"):
        assert (await practice.get(path)).status == 404
        assert (await practice.form(path)).status == 404


async def test_a_form_of_another_site_is_not_passed_on(opened):
    practice = await opened(sandbox=True)
    path, _, ticket = (await sandbox_form(practice)).partition("?ticket=")
    elsewhere = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    answer = await practice.client.post(path, data={"ticket": ticket, "number": VISA}, headers=elsewhere)
    assert answer.status == 403


# -- webhooks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/webhooks/stripe", "/webhooks/stripe-connect"])
@pytest.mark.parametrize("sandbox", [True, False])
async def test_what_is_not_signed_by_the_provider_is_refused(opened, path, sandbox):
    practice = await opened(sandbox=sandbox)
    body = b'{"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": {"id": "pi_1"}}}'
    for signature in ({}, {"Stripe-Signature": ""}, {"Stripe-Signature": "t=1,v1=00"}, {"Stripe-Signature": "é"}):
        answer = await practice.client.post(path, data=body, headers=signature)
        assert (answer.status, (await answer.json())["code"]) == (403, "bad_signature")


async def test_a_signed_notice_moves_the_hold_before_anybody_looks(opened):
    practice = await opened(sandbox=True)
    practice.sandbox.set_webhook_urls(
        f"{practice.origin}/webhooks/stripe", f"{practice.origin}/webhooks/stripe-connect"
    )
    consultation = await practice.priced()
    await practice.agree(consultation)
    begun = await practice.billing.holds.begin(consultation.id, practice.at)
    practice.sandbox.enter_card(begun.client_secret.partition("_secret_")[0], VISA)
    await practice.sandbox.flush_webhooks()
    while await practice.billing.run(practice.at):
        pass
    view = await practice.billing.holds.view(consultation.id, practice.at)
    assert view.state == "ready"
