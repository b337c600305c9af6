"""The administrators' door and page: refunds (DAT-27), company codes (MMP-25), differences."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

import web
from billing.reconciling import DifferenceKind
from tests.web.practice import PASSWORD, Practice
from tests.web.senders import difference
from web.authorisation import TABLE, Access

EN = {"Accept-Language": "en"}


async def admin(practice: Practice) -> dict[str, str]:
    return {**await practice.as_administrator(), **EN}


# -- the door ------------------------------------------------------------------------------------------------


async def test_the_right_password_opens_the_administration_and_nothing_else(practice):
    answer = await practice.form("/admin/login", email="Dominique@example.org", password=PASSWORD)
    assert (answer.status, answer.headers["Location"]) == (303, "/admin")
    cookie = answer.cookies["visavis-admin"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/")
    who = {"Cookie": f"visavis-admin={cookie.value}"}
    assert (await practice.get("/admin", who)).status == 200
    assert (await practice.get("/desk", who)).headers["Location"] == "/login"
    assert (await practice.get("/admin/login", who)).headers["Location"] == "/admin"


@pytest.mark.parametrize(
    ("email", "password"),
    [("dominique@example.org", "wrong"), ("nobody@example.org", PASSWORD), ("anne@example.org", PASSWORD), ("x", "")],
)
async def test_a_wrong_password_an_unknown_name_and_a_practitioner_get_the_same_answer(practice, email, password):
    answer = await practice.form("/admin/login", EN, email=email, password=password)
    assert answer.status == 403
    assert "visavis-admin" not in answer.cookies
    assert "This e-mail and password do not go together." in await answer.text()


async def test_guessing_is_slowed(practice):
    statuses = [
        (await practice.form("/admin/login", email="dominique@example.org", password="wrong")).status for _ in range(12)
    ]
    assert statuses[0] == 403
    assert statuses[-1] == 429


async def test_a_link_logs_in_once_and_is_no_practitioners(practice):
    known = await practice.administrators.id_of("dominique@example.org")
    token = await practice.administrators.create_link(known, practice.at, timedelta(minutes=10))
    assert (await practice.script("/open", {"token": token})).status == 404
    answer = await practice.script("/admin/open", {"token": token})
    assert (await answer.json(), answer.status) == ({"location": "/admin"}, 200)
    assert (await practice.script("/admin/open", {"token": token})).status == 404
    late = await practice.administrators.create_link(known, practice.at, timedelta(minutes=10))
    practice.later(minutes=10)
    assert (await practice.script("/admin/open", {"token": late})).status == 404


async def test_a_session_ends_by_itself_and_by_the_button(practice):
    who = await practice.as_administrator()
    practice.later(minutes=31)
    assert (await practice.get("/admin", who)).headers["Location"] == "/admin/login"
    who = await practice.as_administrator()
    assert (await practice.form("/admin/logout", who)).headers["Location"] == "/admin/login"
    assert (await practice.get("/admin", who)).headers["Location"] == "/admin/login"


@pytest.mark.parametrize("route", [r for r, rule in TABLE.items() if rule.access is Access.ADMINISTRATOR], ids=" ".join)
async def test_the_role_is_asked_for_on_every_route_and_a_planted_cookie_is_nobody(practice, route):
    method, path = route[0], route[1].replace("{id}", "pay_AAAAAAAAAAAAAAAAAAAAAA")
    session = await practice.session(practice.owner)
    for cookie in (f"visavis-admin={session}", f"visavis={session}", "visavis-admin=" + "A" * 43, ""):
        headers = {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"}
        answer = await practice.client.request(method, path, headers=headers, allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, "/admin/login")


# -- refunds -------------------------------------------------------------------------------------------------


async def refund(practice: Practice, payment: str, **form: str):
    """Send the form as the page shows it now, unless `seen` says what an older page has shown."""
    who = await admin(practice)
    if "seen" not in form:
        form["seen"] = await shown_as_given_back(practice, payment)
    answer = await practice.form(f"/admin/payments/{payment}/refund", who, **form)
    return answer.status, await answer.text()


async def shown_as_given_back(practice: Practice, payment: str) -> str:
    html = await practice.seen(f"/admin?find={payment}", await admin(practice))
    hidden = re.search(r'<input type="hidden" name="seen" value="(\d+)">', html)
    return hidden[1] if hidden else "0"


async def test_dat_27_a_part_then_the_rest_are_given_back(practice):
    payment = await practice.paid(await practice.priced())
    assert (await refund(practice, payment, amount="30,5", reason="Too short"))[0] == 303
    assert (await practice.billing.invoices.payment(payment)).refunded == 3050
    assert (await refund(practice, payment, amount="", reason="All of it"))[0] == 303
    assert (await practice.billing.invoices.payment(payment)).refunded == 8000
    given = await practice.billing.refunds.of_payment(payment)
    known = await practice.administrators.id_of("dominique@example.org")
    assert {(one.reason, one.administrator) for one in given} == {("Too short", known), ("All of it", known)}


@pytest.mark.parametrize(
    ("form", "status", "sentence"),
    [
        ({"amount": "80.01", "reason": "x"}, 409, "This is more than what was paid"),
        ({"amount": "-1", "reason": "x"}, 422, "This is not an amount"),
        ({"amount": "1.001", "reason": "x"}, 422, "This is not an amount"),
        ({"amount": "0", "reason": "x"}, 422, "This is not an amount"),
        ({"amount": "much", "reason": "x"}, 422, "This is not an amount"),
        ({"amount": "10", "reason": "  "}, 422, "Say why the money is given back."),
        ({"amount": "10"}, 422, "Say why the money is given back."),
        ({"amount": "10", "reason": "x" * 501}, 422, "Say why the money is given back."),
    ],
    ids=str,
)
async def test_dat_27_a_refund_that_cannot_be_is_said_and_nothing_moves(practice, form, status, sentence):
    payment = await practice.paid(await practice.priced())
    found, text = await refund(practice, payment, **form)
    assert found == status
    assert sentence in text
    assert f'value="{form["amount"]}"' in text
    assert (await practice.billing.invoices.payment(payment)).refunded == 0
    assert practice.till.gateway.refunds == {}


async def test_a_refund_form_that_is_sent_twice_gives_back_once(practice):
    payment = await practice.paid(await practice.priced())
    page = await shown_as_given_back(practice, payment)
    form = {"amount": "30", "reason": "Too short", "seen": page}
    assert (await refund(practice, payment, **form))[0] == 303
    for seen in (page, "", "-1", "all", "9" * 99):
        status, text = await refund(practice, payment, **form | {"seen": seen})
        assert status == 409
        assert "a refund was made since this page was opened. Please look again." in text
    assert (await practice.billing.invoices.payment(payment)).refunded == 3000
    # The page that said so shows how it is now.
    assert 'name="seen" value="3000"' in text
    assert (await refund(practice, payment, **form | {"seen": "3000"}))[0] == 303


async def test_a_refund_under_way_counts_as_given_back(practice):
    payment = await practice.paid(await practice.priced())
    practice.till.gateway.silent = True
    assert (await refund(practice, payment, amount="30", reason="Too short", seen="0"))[0] == 303
    assert (await practice.billing.invoices.payment(payment)).refunded == 0
    assert (await refund(practice, payment, amount="30", reason="Too short", seen="0"))[0] == 409
    assert await shown_as_given_back(practice, payment) == "3000"
    assert len(await practice.billing.refunds.of_payment(payment)) == 1


async def test_what_was_not_paid_or_does_not_exist_is_not_given_back(practice):
    owed = await practice.owed(await practice.priced())
    assert (await refund(practice, owed, amount="", reason="x"))[0] == 409
    for name in (owed[:-4] + "AAAA", "con_x"):
        assert (await refund(practice, name, reason="x"))[0] == 404


async def test_a_payment_is_found_by_its_id_and_by_its_receipt(practice):
    payments = [await practice.paid(await practice.priced()) for _ in range(2)]
    (receipt,) = await practice.billing.receipts.of_payment(payments[0])
    for words in (payments[0], receipt.body.number):
        html = await practice.seen(f"/admin?find={words}", await admin(practice))
        assert [one in html for one in payments] == [True, False], words
    assert "No payment found." in await practice.seen("/admin?find=nothing", await admin(practice))
    assert "No payment found." in await practice.seen("/admin?find=no%00thing", await admin(practice))


# -- company codes -------------------------------------------------------------------------------------------

COUPON = {
    "code": "acme-2026",
    "organisation": "Acme",
    "pays": "percent",
    "percent": "50",
    "amount": "",
    "most_uses": "",
    "expires": "",
}


async def create(practice: Practice, **changes: str):
    answer = await practice.form("/admin/coupons", await admin(practice), **{**COUPON, **changes})
    return answer.status, await answer.text()


async def test_mmp_25_a_code_is_created_listed_and_revoked(practice):
    assert (await create(practice, most_uses="3", expires="2026-12-31T23:59"))[0] == 303
    assert (await create(practice, code="TENNER", pays="amount", amount="10"))[0] == 303
    html = await practice.seen("/admin", await admin(practice))
    assert "ACME2026" in html
    assert "€10.00" in html
    assert "31/12/2026 23:59" in html
    coupon = next(one for one in await practice.billing.coupons.list() if one.code == "ACME2026")
    path = f"/admin/coupons/{coupon.id}/revoke"
    assert (await practice.form(path, await admin(practice))).status == 303
    assert (await practice.form(path, await admin(practice))).status == 404
    assert "Revoked" in await practice.seen("/admin", await admin(practice))


@pytest.mark.parametrize(
    ("changes", "status", "sentence", "field"),
    [
        ({"percent": "0"}, 422, "This makes no coupon", None),
        ({"percent": "101"}, 422, "This makes no coupon", None),
        ({"percent": "x"}, 422, "This makes no coupon", None),
        ({"percent": "0100" + "0" * 5000}, 422, "This makes no coupon", None),
        ({"pays": "amount", "amount": "0"}, 422, "This makes no coupon", None),
        ({"pays": "amount", "amount": "-5"}, 422, "This is not an amount", "amount"),
        ({"code": "é"}, 422, "A code has 4 to 32 letters", "code"),
        ({"code": ""}, 422, "A code has 4 to 32 letters", "code"),
        ({"organisation": " "}, 422, "1 to 80 characters", "organisation"),
        ({"organisation": "a\u202eb"}, 422, "1 to 80 characters", "organisation"),
        ({"most_uses": "0"}, 422, "This makes no coupon", "most_uses"),
        ({"expires": "tomorrow"}, 422, "This is not a date and time.", "expires"),
        ({"expires": "2026-03-10T09:59"}, 422, "still to come", "expires"),
    ],
    ids=str,
)
async def test_a_code_that_is_none_is_said_beside_its_field_and_what_was_typed_is_kept(
    practice, changes, status, sentence, field
):
    found, text = await create(practice, **changes)
    assert found == status
    assert sentence in text
    kept = {**COUPON, **changes}
    assert f'value="{kept["percent"]}"' in text
    if field:
        blamed = re.search(rf'<input[^>]*name="{field}"[^>]*aria-invalid="true"[^>]*>', text)
        assert blamed, field
    assert await practice.billing.coupons.list() == []


async def test_a_code_that_there_is_already_is_not_made_twice(practice):
    assert (await create(practice))[0] == 303
    found, text = await create(practice, code="ACME 2026")
    assert found == 409
    assert "There is a coupon with this code already." in text


# -- differences ---------------------------------------------------------------------------------------------


async def test_a_difference_is_listed_until_it_is_explained(practice):
    name = await difference(practice)
    html = await practice.seen("/admin", await admin(practice))
    assert "Money moved that is not in our books" in html
    assert "txn_1" in html
    path = f"/admin/differences/{name}/accept"
    assert (await practice.form(path, await admin(practice))).status == 303
    assert "None: every movement" in await practice.seen("/admin", await admin(practice))
    assert (await practice.form(path, await admin(practice))).status == 404


def test_every_kind_of_difference_has_words():
    template = (Path(web.__file__).parent / "templates" / "platform.html").read_text()
    assert [kind.value for kind in DifferenceKind if f'"{kind.value}": _(' not in template] == []


async def test_the_books_can_be_compared_now(practice):
    answer = await practice.form("/admin/reconcile", await admin(practice))
    assert (answer.status, answer.headers["Location"]) == (303, "/admin?done=reconciled#differences")
