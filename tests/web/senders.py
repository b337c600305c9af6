"""A request for each route that its owner is answered with success, after making what it needs."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta

from aiohttp import ClientResponse

from billing.agreement import When
from billing.reconciling import Difference, DifferenceKind
from tests.web.practice import PER_MINUTE, VISA, Practice

Route = tuple[str, str]
Send = Callable[[Practice, dict[str, str]], Awaitable[ClientResponse]]

_PLACE = re.compile(r"\{\w+\}")


async def send(practice: Practice, route: Route, who: dict[str, str]) -> ClientResponse:
    """Ask what the route offers, of consultations and payments that belong to the practice's owner."""
    if route in SENDERS:
        return await SENDERS[route](practice, who)
    method, pattern = route
    path = await _path(practice, pattern)
    if method == "POST":
        return await practice.form(path, who)
    return await practice.client.request(method, path, headers=who, allow_redirects=False)


async def _path(practice: Practice, pattern: str) -> str:
    if pattern.startswith("/static"):
        return _PLACE.sub("vendor/lit-html.js", pattern)
    if pattern.startswith("/payments/{id}/receipts"):
        payment = await practice.paid(await practice.priced())
        receipt = (await practice.billing.receipts.of_payment(payment))[0].id
        return f"/payments/{payment}/receipts/{receipt}"
    if pattern.startswith("/payments/{id}"):
        payment = await practice.owed(await practice.priced(when=When.AFTER))
        practice.later(minutes=2)  # the link has just been sent
        return _PLACE.sub(payment, pattern)
    return _PLACE.sub((await practice.plan()).id, pattern)


# -- logging in ----------------------------------------------------------------------------------------------


async def _login(practice: Practice, who: dict[str, str]) -> ClientResponse:
    return await practice.log_in("anne@example.org", "correct horse battery", who)


async def _open(practice: Practice, who: dict[str, str]) -> ClientResponse:
    token = await practice.credentials.create_login_link(practice.owner.id, "/desk", practice.at, timedelta(minutes=10))
    return await practice.script("/open", {"token": token, "replace": True}, who)


async def _administrator_login(practice: Practice, who: dict[str, str]) -> ClientResponse:
    return await practice.form("/admin/login", who, email="dominique@example.org", password="correct horse battery")


async def _administrator_open(practice: Practice, who: dict[str, str]) -> ClientResponse:
    known = await practice.administrators.id_of("dominique@example.org")
    token = await practice.administrators.create_link(known, practice.at, timedelta(minutes=10))
    return await practice.script("/admin/open", {"token": token}, who)


# -- planning ------------------------------------------------------------------------------------------------


async def _plan(practice: Practice, who: dict[str, str]) -> ClientResponse:
    return await practice.form("/desk/consultations", who, patient_name="Zoé", when="now", minutes="30")


async def _plan_by_api(practice: Practice, who: dict[str, str]) -> ClientResponse:
    body = {"patient_name": "Zoé"}
    answer = await practice.client.post("/api/consultations", json=body, headers=who)
    if answer.status == 422:  # a platform's key acts for all and must say for whom
        body = {**body, "practitioner": "anne@example.org"}
        answer = await practice.client.post("/api/consultations", json=body, headers=who)
    return answer


# -- the patient's price -------------------------------------------------------------------------------------


async def _look(practice: Practice, who: dict[str, str]) -> ClientResponse:
    return await practice.script("/join/look", {"invitation": await practice.invitation(await practice.plan())}, who)


async def _price(practice: Practice, who: dict[str, str]) -> ClientResponse:
    return await practice.script("/join/price", {"invitation": await practice.invitation(await practice.priced())}, who)


async def _coupon(practice: Practice, who: dict[str, str]) -> ClientResponse:
    if not await practice.billing.coupons.list():
        await practice.billing.coupons.create("ACME", "Acme", practice.at, percent=50)
    body = {"invitation": await practice.invitation(await practice.priced()), "coupon": "ACME"}
    return await practice.script("/join/price/coupon", body, who)


async def _agree(practice: Practice, who: dict[str, str]) -> ClientResponse:
    token = await practice.invitation(await practice.priced())
    return await practice.script("/join/price/agree", {"invitation": token, "name": "Jeanne", "most": 8000}, who)


async def _card(practice: Practice, who: dict[str, str]) -> ClientResponse:
    consultation = await practice.priced()
    await practice.agree(consultation)
    return await practice.script("/join/price/card", {"invitation": await practice.invitation(consultation)}, who)


async def _seen(practice: Practice, who: dict[str, str]) -> ClientResponse:
    consultation = await practice.priced()
    await practice.held(consultation)
    return await practice.script("/join/price/seen", {"invitation": await practice.invitation(consultation)}, who)


async def _more(practice: Practice, who: dict[str, str]) -> ClientResponse:
    consultation = await practice.priced(PER_MINUTE)
    await practice.held(consultation)
    # A minute before what is held for 30 minutes and five is used up.
    await practice.till.talk(consultation.id, 34 * 60)
    return await practice.script("/join/price/more", {"invitation": await practice.invitation(consultation)}, who)


# -- paying by the link --------------------------------------------------------------------------------------


def _by_link(path: str) -> Send:
    async def ask(practice: Practice, who: dict[str, str]) -> ClientResponse:
        payment = await practice.owed(await practice.priced(when=When.AFTER))
        return await practice.script(path, {"token": practice.billing.invoices.pay_token(payment)}, who)

    return ask


async def _receipt(practice: Practice, who: dict[str, str]) -> ClientResponse:
    payment = await practice.paid(await practice.priced())
    receipt = (await practice.billing.receipts.of_payment(payment))[0].id
    token = practice.billing.invoices.pay_token(payment)
    return await practice.form("/pay/receipt", who, token=token, receipt=receipt)


async def _confirm_card(practice: Practice, who: dict[str, str]) -> ClientResponse:
    consultation = await practice.priced()
    await practice.agree(consultation)
    form = await practice.billing.holds.begin(consultation.id, practice.at)
    assert form is not None
    body = {"account": form.account, "client_secret": form.client_secret, "token": "ctoken_1", "back": "/join"}
    return await practice.script("/card/confirm", body, who)


async def sandbox_form(practice: Practice) -> str:
    """Return the address of a card form of the sandbox's."""
    consultation = await practice.priced()
    await practice.agree(consultation)
    form = await practice.billing.holds.begin(consultation.id, practice.at)
    assert form is not None
    assert practice.sandbox is not None
    return practice.sandbox.card_form_url(form.client_secret, "/join", "en")


async def _sandbox_page(practice: Practice, who: dict[str, str]) -> ClientResponse:
    return await practice.get(await sandbox_form(practice), who)


async def _sandbox_card(practice: Practice, who: dict[str, str]) -> ClientResponse:
    path, _, ticket = (await sandbox_form(practice)).partition("?ticket=")
    return await practice.form(path, who, ticket=ticket, number=VISA, expiry="12/30", cvc="123")


# -- the practitioner's receipts -----------------------------------------------------------------------------


async def _receipt_lines(practice: Practice, who: dict[str, str]) -> ClientResponse:
    return await practice.form("/payments/receipt-lines", who, lines="RPPS 10001234567")


# -- the practitioner's invoice ------------------------------------------------------------------------------


async def _invoice(practice: Practice, who: dict[str, str]) -> ClientResponse:
    return await practice.get(f"/consultations/{(await practice.priced()).id}/invoice", who)


def _of_invoice(path: str, body: object, seconds: int = 0) -> Send:
    async def ask(practice: Practice, who: dict[str, str]) -> ClientResponse:
        consultation = await practice.priced()
        await practice.held(consultation)
        if seconds:
            await practice.till.talk(consultation.id, seconds)
        return await practice.script(f"/consultations/{consultation.id}/{path}", body, who)

    return ask


# -- administration ------------------------------------------------------------------------------------------


async def _refund(practice: Practice, who: dict[str, str]) -> ClientResponse:
    payment = await practice.paid(await practice.priced())
    return await practice.form(f"/admin/payments/{payment}/refund", who, amount="10", reason="Too long", seen="0")


async def _new_coupon(practice: Practice, who: dict[str, str]) -> ClientResponse:
    return await practice.form("/admin/coupons", who, code="NEW50", organisation="Acme", pays="percent", percent="50")


async def _revoke(practice: Practice, who: dict[str, str]) -> ClientResponse:
    code = f"OLD{len(await practice.billing.coupons.list())}"
    coupon = await practice.billing.coupons.create(code, "Acme", practice.at, percent=50)
    return await practice.form(f"/admin/coupons/{coupon.id}/revoke", who)


async def difference(practice: Practice, name: str = "txn_1") -> str:
    """Return the id of a difference between the books and the provider."""
    found = Difference("acct_1", DifferenceKind.MISSING_POSTING, name, "", "80.00 EUR")
    await practice.billing.reconciliation.known.note([found], ["acct_1"], practice.at)
    return (await practice.billing.reconciliation.known.open())[0].id


async def _accept(practice: Practice, who: dict[str, str]) -> ClientResponse:
    return await practice.form(f"/admin/differences/{await difference(practice)}/accept", who)


SENDERS: dict[Route, Send] = {
    ("POST", "/login"): _login,
    ("POST", "/open"): _open,
    ("POST", "/admin/login"): _administrator_login,
    ("POST", "/admin/open"): _administrator_open,
    ("POST", "/desk/consultations"): _plan,
    ("POST", "/api/consultations"): _plan_by_api,
    ("POST", "/join/look"): _look,
    ("POST", "/join/price"): _price,
    ("POST", "/join/price/coupon"): _coupon,
    ("POST", "/join/price/agree"): _agree,
    ("POST", "/join/price/card"): _card,
    ("POST", "/join/price/seen"): _seen,
    ("POST", "/join/price/more"): _more,
    ("POST", "/pay/look"): _by_link("/pay/look"),
    ("POST", "/pay/seen"): _by_link("/pay/seen"),
    ("POST", "/pay/card"): _by_link("/pay/card"),
    ("POST", "/pay/receipt"): _receipt,
    ("POST", "/card/confirm"): _confirm_card,
    ("GET", "/sandbox/{path}"): _sandbox_page,
    ("POST", "/sandbox/{path}"): _sandbox_card,
    ("POST", "/payments/receipt-lines"): _receipt_lines,
    ("GET", "/consultations/{id}/invoice"): _invoice,
    ("POST", "/consultations/{id}/invoice"): _of_invoice("invoice", {"amount": 5000}),
    ("POST", "/consultations/{id}/invoice/confirm"): _of_invoice("invoice/confirm", {"amount": 5000}, seconds=60),
    ("POST", "/consultations/{id}/no-show"): _of_invoice("no-show", {"charge": False}),
    ("POST", "/admin/payments/{id}/refund"): _refund,
    ("POST", "/admin/coupons"): _new_coupon,
    ("POST", "/admin/coupons/{id}/revoke"): _revoke,
    ("POST", "/admin/differences/{id}/accept"): _accept,
}
