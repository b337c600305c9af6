"""Those to whom a consultation costs or brings something: what they click on the pages about money, all in French."""

import asyncio
import re
from pathlib import Path
from typing import Any

from playwright.async_api import Download, Locator, Page, expect

from tests.end_to_end.people import Patient, Person, Practitioner, until
from tests.requirements import missing

GOOD, DECLINED, DISCOVER, ASKS_THE_BANK = "4242424242424242", "4000000000000002", "6011111111111117", "4000002760003184"

# The bytes of media that come in, looked at ten times a second: `received` lists from when to when they grew.
_RECORDER = """
(() => {
  let before = { at: 0, bytes: NaN };
  window.received = [];
  setInterval(async () => {
    const stats = await visavis.stats();
    const at = performance.timeOrigin + performance.now();
    const streams = stats.filter((one) => one.type === "inbound-rtp");
    const bytes = streams.reduce((sum, one) => sum + one.bytesReceived, 0);
    if (bytes !== before.bytes && bytes > 0) received.push([before.bytes > 0 ? before.at : at, at]);
    before = { at, bytes };
  }, 100);
})();
"""
# Sound comes fifty times a second; a shorter silence than this is the scheduling of two busy cores.
_A_BREATH = 1000

Spans = list[tuple[float, float]]


def as_set(text: str) -> re.Pattern[str]:
    """Return a pattern for the text as typographers set it: with any space, apostrophe or minus for ours."""
    return re.compile(re.escape(text).replace(r"\ ", r"\s").replace("'", "[\u2019']").replace(r"\-", "[\u2212-]"))


class Counted(Person):
    """Someone who sees what a consultation costs."""

    async def is_told(self, text: str, seconds: float = 15) -> None:
        """Wait until the page says so."""
        await expect(self.page.locator("body")).to_contain_text(as_set(text), timeout=seconds * 1000)

    async def metered(self) -> int | None:
        """Return the billed seconds that the page shows, None where it shows no meter."""
        shown = self.page.locator("dl.meter dd").first
        if await shown.count() == 0:
            return None
        minutes, seconds = (await shown.inner_text()).split(":")
        return int(minutes) * 60 + int(seconds)

    async def meters(self, seconds: int) -> None:
        """Wait until the page shows so many billed seconds."""

        async def enough() -> bool:
            return (await self.metered() or 0) >= seconds

        await until(enough, f"{seconds} s on the meter", seconds + 15)


class Payer(Counted, Patient):
    """A patient whose consultation costs something."""

    async def agree(self, link: str, *, email: str = "patient@example.org", coupon: str = "") -> None:
        """Follow the invitation and agree to the price."""
        await self.open(link)
        await self.page.fill("input[name=email]", email)
        if coupon:
            await self.page.fill("#coupon", coupon)
            await self.page.get_by_role("button", name="Utiliser le code").click()
            await self.is_told(f"Le code {coupon} est pris en compte.")
        await self.page.get_by_role("button", name=re.compile("^Accepter")).click()

    async def enter_card(self, number: str = GOOD, page: Page | None = None) -> None:
        """Fill in the provider's form."""
        form = page or self.page
        await form.wait_for_url("**/sandbox/card**")
        await form.fill("#number", number)
        await form.fill("#expiry", "12/30")
        await form.fill("#cvc", "123")
        await form.click("button[type=submit]")

    async def confirm_at_bank(self) -> None:
        """Answer the bank's question."""
        await self.page.get_by_role("button", name=as_set("Réussir l'authentification")).click()

    async def may_join(self) -> None:
        """Wait for the device check, which comes when nothing is owed."""
        await expect(self.button("join")).to_be_visible(timeout=15_000)

    async def authorise(self, link: str, number: str = GOOD) -> None:
        """Agree, and have the amount held."""
        await self.agree(link)
        await self.enter_card(number)
        await self.may_join()


class Earner(Counted, Practitioner):
    """A practitioner who is paid for a consultation."""

    async def leaves(self) -> None:
        await self.button("leave").click()

    async def enters(self, amount: str) -> None:
        """Say during the call what is to be charged at its end."""
        await self.page.get_by_role("button", name="Facture").click()
        await self.page.fill("input[name=invoice-amount]", amount)
        await self.page.get_by_role("button", name="Retenir ce montant pour la fin").click()
        await expect(self.page.get_by_role("button", name="Revenir au compteur")).to_be_visible()
        await self.page.keyboard.press("Escape")

    async def charges(self, amount: str | None = None) -> None:
        """Confirm the amount at the end: the metered one, or another."""
        confirm = self.page.get_by_role("button", name="Confirmer le montant")
        await expect(confirm).to_be_visible(timeout=15_000)
        if amount is not None:
            await self.page.fill("input[name=invoice-amount]", amount)
        await confirm.click()

    async def monitors(self, url: str, patient: str) -> Locator:
        """Open Monitoring; return the patient's row."""
        await self.page.goto(f"{url}/monitoring")
        return self.page.get_by_role("row").filter(has_text=patient)


class Administrator(Person):
    """Someone who runs the platform."""

    async def enter(self, url: str, link: str) -> None:
        """Log in by the link, which is good once."""
        await self.page.goto(link)
        await expect(self.page).to_have_url(f"{url}/admin")

    async def makes_coupon(self, code: str, percent: int) -> None:
        await self.page.fill("#code", code)
        await self.page.fill("#organisation", "Assurances du Port")
        await self.page.fill("#percent", str(percent))
        await self.page.get_by_role("button", name="Créer le code").click()
        await expect(self.page.get_by_role("status")).to_contain_text("peut être utilisé")

    async def gives_back(self, url: str, payment: str, amount: str, reason: str) -> None:
        await self.page.goto(f"{url}/admin?find={payment}")
        await self.page.locator("summary", has_text="Remboursement").click()
        await self.page.fill("form.refund input[name=amount]", amount)
        await self.page.fill("form.refund input[name=reason]", reason)
        await self.page.get_by_role("button", name="Rembourser").click()
        await expect(self.page.get_by_role("status")).to_contain_text("Le remboursement est en cours.")

    async def finds_no_difference(self) -> None:
        """Compare the books with the provider's."""
        await self.page.get_by_role("button", name="Comparer maintenant").click()
        await expect(self.page.get_by_text("Aucune : chaque mouvement")).to_be_visible()


async def in_call(earner: Earner, payer: Payer, planned: dict[str, Any]) -> None:
    """Bring both into the call from the patient's device check, until each sees the other."""
    await earner.enter(planned["practitioner_url"])
    await payer.button("join").click()
    await payer.waits()
    await earner.admit()
    await asyncio.gather(earner.sees(), payer.sees())


async def saved(click: Locator, page: Page) -> tuple[str, bytes]:
    """Return the name and the content of the file that a click brings."""
    async with page.expect_download() as coming:
        await click.click()
    download: Download = await coming.value
    return download.suggested_filename, Path(await download.path()).read_bytes()


async def text_of(pdf: bytes) -> str:
    """Return a PDF's words, read by poppler."""
    try:
        process = await asyncio.create_subprocess_exec(
            *("pdftotext", "-layout", "-", "-"), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
    except FileNotFoundError:
        missing("pdftotext is not installed (Debian: apt-get install poppler-utils)")
    return (await process.communicate(pdf))[0].decode()


# -- when media came in --------------------------------------------------------------------------------------------


async def record(*pages: Person) -> None:
    """Note from now on when media comes in."""
    for one in pages:
        await one.page.evaluate(_RECORDER)


async def recorded_call(earner: Earner, payer: Payer, planned: dict[str, Any], *, waiting: float = 0) -> None:
    """Bring both into a call to be paid afterwards, the patient after some seconds of waiting; note incoming media."""
    await payer.agree(planned["patient_url"])
    await payer.may_join()
    await earner.enter(planned["practitioner_url"])
    await payer.button("join").click()
    await payer.waits()
    await record(earner, payer)
    await asyncio.sleep(waiting)
    await earner.admit()
    await asyncio.gather(earner.sees(), payer.sees())


async def both_received(one: Person, other: Person) -> Spans:
    """Return when media came in on both pages at once, in milliseconds of 1970."""
    mine, theirs = [merged(await each.page.evaluate("received")) for each in (one, other)]
    both = [(max(a, c), min(b, d)) for a, b in mine for c, d in theirs]
    return [(start, end) for start, end in both if end > start]


def merged(spans: Spans) -> Spans:
    """Return the spans without the gaps of less than a breath."""
    joined: Spans = []
    for start, end in spans:
        if joined and start - joined[-1][1] < _A_BREATH:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def seconds_of(spans: Spans) -> float:
    """Return how long they are together."""
    return sum(end - start for start, end in spans) / 1000
