"""Earnings (C2-21 to 25), online payments and Stripe Connect (MMP-48 to 51, FAC-1 to 8, DAT-35 to 37)."""

import re
from html import escape as html_escape

import pytest

from billing import kyc
from billing.receipt_text import receipt_text
from tests.web.practice import Practice
from web.figures import HEIGHT, amount_in_words, chart, month_in_words


async def page(practice: Practice, path: str, who=None, language: str = "en"):
    own = {**await practice.as_(who or practice.owner), "Accept-Language": language}
    return await practice.seen(path, own)


def shown(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


# -- earnings ------------------------------------------------------------------------------------------------


async def test_c2_21_to_25_all_five_parts_of_the_earnings_are_there(practice):
    await practice.paid(await practice.priced(name="Léa Bernard"), seconds=1800)
    practice.later(days=40)
    await practice.paid(await practice.priced(name="Marc Petit"), seconds=600)
    await practice.paid(await practice.priced(name="Marc Petit"), seconds=60)
    html = await page(practice, "/earnings")
    text = shown(html)
    assert "Patients 2" in text
    assert "Time in video 41 min 0 s" in text
    assert "Consultations 3" in text
    # 80.00 less 1.5 % and 0.25, and 12 %: by month, with a month between that brought nothing.
    assert "April 2026 €160.00 €2.90 €19.20 €137.90" in text
    assert "March 2026 €80.00 €1.45 €9.60 €68.95" in text
    assert "Marc Petit €160.00" in text
    assert text.count("(net €68.95)") == 3
    assert html.partition('<svg class="chart"')[2].count("<rect ") == 2
    assert "<title>April 2026 · €137.90</title>" in html


async def test_earnings_of_a_period_and_of_nobody_else(practice):
    await practice.paid(await practice.priced(name="Léa Bernard"))
    assert "Léa Bernard" not in await page(practice, "/earnings", practice.other)
    assert "Léa Bernard" not in await page(practice, "/earnings?from=2026-03-11&to=2026-03-12")
    practice.later(days=2)
    assert "Léa Bernard" in await page(practice, "/earnings?from=2026-03-10&to=2026-03-10")
    assert "This is no period" in await page(practice, "/earnings?from=2026-03-10&to=2026-03-09")


async def test_without_earnings_the_page_says_so(practice):
    text = shown(await page(practice, "/earnings", language="fr"))
    assert "Aucun paiement reçu dans cette période." in text


@pytest.mark.parametrize(
    ("minor", "currency", "language", "words"),
    [
        (8625, "EUR", "fr", "86,25\u00a0€"),
        (8625, "EUR", "en", "€86.25"),
        (-8625, "EUR", "en", "-€86.25"),
        (123456789, "EUR", "fr", "1\u202f234\u202f567,89\u00a0€"),
        (500, "JPY", "en", "JP¥500"),
        (1500, "KWD", "en", "KWD\u00a01.500"),
        (0, "EUR", "fr", "0,00\u00a0€"),
    ],
)
def test_amounts_are_written_as_their_readers_do_with_the_currencys_decimals(minor, currency, language, words):
    assert amount_in_words(minor, currency, language) == words


def test_months_in_words():
    assert (month_in_words("2026-03", "fr"), month_in_words("2026-12", "en")) == ("mars 2026", "December 2026")


def test_a_chart_stands_on_its_base_and_losses_hang_from_it():
    drawn = chart([("a", 100), ("b", -50), ("c", 0)])
    gain, loss, nothing = drawn.bars
    assert gain.y + gain.height == pytest.approx(drawn.base, abs=0.2)
    assert loss.y == drawn.base
    assert (nothing.height, len({bar.width for bar in drawn.bars})) == (0, 1)
    assert gain.height == pytest.approx(2 * loss.height, abs=0.2)
    assert all(bar.y >= 0 and bar.y + bar.height <= HEIGHT for bar in drawn.bars)
    assert chart([]).bars == ()
    assert chart([("a", 0)]).bars[0].height == 0


# -- the account ---------------------------------------------------------------------------------------------


async def newcomer(practice: Practice):
    return await practice.agenda.create_practitioner("new@example.org", "Dr Nina New", None, practice.at)


async def test_mmp_48_connecting_makes_an_account_and_then_says_so(practice):
    who = await newcomer(practice)
    html = await page(practice, "/payments", who)
    assert 'action="/payments/connect"' in html
    answer = await practice.form("/payments/connect", await practice.as_(who))
    assert (answer.status, answer.headers["Location"]) == (303, "/payments")
    html = await page(practice, "/payments", who)
    assert "Connected: you can be paid" in html
    assert 'action="/payments/connect"' not in html
    await practice.form("/payments/connect", await practice.as_(who))
    assert [one.reference for one in practice.till.gateway.accounts.values()].count(who.id) == 1


async def test_mmp_50_test_mode_and_real_payments_are_told_apart(practice):
    assert "Test mode: no real money moves." in await page(practice, "/payments")
    practice.till.gateway.publishable_key = "pk_live_12345678"
    assert "Real payments are activated." in await page(practice, "/payments")


async def test_mmp_51_it_says_what_the_platform_sees_and_recommends_two_factors(practice):
    text = shown(await page(practice, "/payments"))
    assert "It does not see your bank account" in text
    assert "two-factor log-in" in text


async def test_fac_1_to_8_the_banner_lists_exactly_what_is_missing_and_what_waits_for_it(practice):
    missing = (
        "business_profile.url",
        "individual.verification.document",
        "individual.verification.additional_document",
    )
    practice.till.gateway.ask(practice.owner.id, *missing, "something.new", can_payout=False)
    html = await page(practice, "/payments")
    banner = re.search(r'<section class="notice warning kyc".*?</section>', html, re.DOTALL)[0]
    assert [shown(one) for one in re.findall(r"<li>(.*?)</li>", banner)] == [
        "Your website or a description of what you offer",
        "A proof of your address",
        "An identity document",
        "something.new (as the payment provider calls it)",
    ]
    assert kyc.PAYOUTS_WAIT in banner
    assert kyc.CHARGES_WAIT not in banner
    assert 'href="/payments/onboarding"' in banner
    french = await page(practice, "/payments", language="fr")
    assert "Mettre à jour mes informations" in french


async def test_fac_1_nothing_missing_no_banner(practice):
    assert "kyc" not in await page(practice, "/payments")


async def test_fac_2_the_provider_asks_on_a_page_of_its_own(opened):
    practice = await opened(sandbox=True)
    who = await newcomer(practice)
    await practice.form("/payments/connect", await practice.as_(who))
    answer = await practice.get("/payments/onboarding", await practice.as_(who))
    assert answer.status == 303
    url = answer.headers["Location"]
    assert url.startswith(f"{practice.origin}/sandbox/onboarding?")
    asked = await practice.get(url.removeprefix(practice.origin))
    assert asked.status == 200
    assert "identi" in (await asked.text()).lower()


async def test_without_an_account_there_is_no_onboarding_and_no_dashboard(practice):
    own = await practice.as_(await newcomer(practice))
    for path in ("/payments/onboarding", "/payments/dashboard"):
        assert (await practice.get(path, own)).status == 409


async def test_dat_36_the_dashboard_is_the_providers(practice):
    answer = await practice.get("/payments/dashboard", await practice.as_(practice.owner))
    account = (await practice.billing.connect.account_of(practice.owner.id)).id
    assert (answer.status, answer.headers["Location"]) == (303, f"https://provider.example/{account}")


async def test_dat_37_transfers_to_the_bank_are_listed(opened):
    practice = await opened(sandbox=True)
    await practice.paid(await practice.priced())
    assert "None yet." in await page(practice, "/payments")
    practice.later(days=12)
    practice.sandbox.advance(practice.at - practice.at)
    for _ in range(3):
        await practice.billing.reconciliation.run(practice.at)
        while await practice.billing.run(practice.at):
            pass
    html = await page(practice, "/payments")
    assert "€68.95" in html


async def test_a_provider_that_is_silent_leaves_the_page_as_it_was_known(practice):
    practice.till.gateway.silent = True
    own = {**await practice.as_(practice.owner), "Accept-Language": "en"}
    answer = await practice.get("/payments", own)
    assert answer.status == 503
    text = await answer.text()
    assert "Connected: you can be paid" in text
    assert "The payment provider does not answer." in text
    who = await newcomer(practice)
    assert (await practice.form("/payments/connect", await practice.as_(who))).status == 503


# -- what is printed on receipts -----------------------------------------------------------------------------

LINES = "5 rue Neuve\r\n75001 Paris\r\nRPPS 10001234567"


async def saved(practice: Practice, lines: str, **headers: str):
    own = {**await practice.as_(practice.owner), "Accept-Language": "en", **headers}
    return await practice.form("/payments/receipt-lines", own, lines=lines)


async def test_lines_below_the_name_are_saved_shown_and_printed_from_then_on(practice):
    before = await practice.paid(await practice.priced())
    answer = await saved(practice, LINES)
    assert (answer.status, answer.headers["Location"]) == (303, "/payments?done=receipt_lines")
    html = await page(practice, answer.headers["Location"])
    assert "Saved: it is printed on your receipts from now on." in html
    assert ">5 rue Neuve\n75001 Paris\nRPPS 10001234567</textarea>" in html
    after = await practice.paid(await practice.priced())
    printed = [(await practice.billing.receipts.of_payment(payment))[0].body for payment in (before, after)]
    assert [body.issuer.lines for body in printed] == [(), tuple(LINES.split("\r\n"))]
    assert receipt_text(printed[1], "fr", str).issuer == ("Dr Anne Martin", *LINES.split("\r\n"))
    assert "rue Neuve" not in await page(practice, "/payments", practice.other)


@pytest.mark.parametrize("lines", ["<b>" + "A" * 78, "\r\n".join("abcdefg"), "\u202eabc"])
async def test_lines_that_cannot_be_printed_are_refused_beside_the_field_and_stay_as_typed(practice, lines):
    await saved(practice, LINES)
    answer = await saved(practice, lines)
    html = await answer.text()
    assert answer.status == 422
    field, rest = re.search(r"(<textarea[^>]*>.*?</textarea>)(.*?)</form>", html, re.DOTALL).groups()
    assert 'aria-describedby="lines-hint problem" aria-invalid="true"' in field
    assert field.partition(">")[2] == f"{html_escape(lines)}</textarea>"
    assert "A receipt takes at most 6 lines of 80 characters" in rest
    assert await practice.agenda.receipt_lines(practice.owner.id) == tuple(LINES.split("\r\n"))


async def test_lines_with_a_nul_or_from_another_site_are_refused(practice):
    assert (await saved(practice, "a\0b")).status == 400
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    assert (await saved(practice, "evil", **foreign)).status == 403
    assert await practice.agenda.receipt_lines(practice.owner.id) == ()


async def test_lines_that_are_refused_while_the_provider_is_silent_are_still_refused_beside_the_field(practice):
    practice.till.gateway.silent = True
    answer = await saved(practice, "A" * 81)
    assert answer.status == 422
    assert "A receipt takes at most 6 lines" in await answer.text()


async def test_after_the_log_in_one_comes_back_to_the_page_that_was_asked_for(practice):
    answer = await practice.get("/earnings")
    cookie = {"Cookie": f"visavis_next={answer.cookies['visavis_next'].value}"}
    again = await practice.log_in("anne@example.org", "correct horse battery", cookie)
    assert again.headers["Location"] == "/earnings"
