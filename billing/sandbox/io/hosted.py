"""What people see of the sandbox: card form, the bank's question, onboarding, dashboard.

Who may do what is said by a signed ticket (`billing/sandbox/tickets.py`), so that these pages need no key and may be
shown to other machines through the web side, under the same paths.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from aiohttp import web as aioweb

from billing.sandbox import accounts, clock, hosted_form, records, tickets
from billing.sandbox.books import Books
from billing.sandbox.cards import CARDS
from billing.sandbox.errors import ApiError
from billing.sandbox.hosted_form import Attempt, state_of
from billing.sandbox.io.pages import leave, page, style, words_of
from billing.sandbox.tickets import BadTicket, Purpose, Ticket
from billing.sandbox.words import error_key, language


class HostedPages:
    """`page_time` is the time that tickets are measured by, `now` the sandbox's; `changed` saves."""

    def __init__(
        self,
        books: Books,
        page_time: Callable[[], datetime],
        now: Callable[[], datetime],
        changed: Callable[[], None],
    ) -> None:
        self._books = books
        self._page_time = page_time
        self._now = now
        self._changed = changed

    def routes(self) -> Iterable[aioweb.RouteDef]:
        return [
            aioweb.get("/sandbox/card", self._card),
            aioweb.post("/sandbox/card", self._enter),
            aioweb.get("/sandbox/challenge", self._challenge),
            aioweb.post("/sandbox/challenge", self._answer),
            aioweb.get("/sandbox/onboarding", self._onboarding),
            aioweb.post("/sandbox/onboarding", self._provide),
            aioweb.get("/sandbox/dashboard", self._dashboard),
            aioweb.get("/sandbox/static/sandbox.css", self._style),
        ]

    async def _style(self, _http: aioweb.Request) -> aioweb.Response:
        return style()

    # -- card and bank ---------------------------------------------------------------------------------------

    async def _card(self, http: aioweb.Request) -> aioweb.Response:
        return self._card_step(http, http.query, lambda _attempt: None)

    async def _enter(self, http: aioweb.Request) -> aioweb.Response:
        form = await _fields(http)
        return self._card_step(http, form, lambda attempt: hosted_form.enter(self._books, attempt, form, self._now()))

    async def _challenge(self, http: aioweb.Request) -> aioweb.Response:
        return self._card_step(http, http.query, lambda _attempt: None)

    async def _answer(self, http: aioweb.Request) -> aioweb.Response:
        form = await _fields(http)
        success = form.get("outcome") == "complete"
        return self._card_step(
            http, form, lambda attempt: hosted_form.answer(self._books, attempt, self._now(), success=success)
        )

    def _card_step(
        self, http: aioweb.Request, fields: Mapping[str, str], step: Callable[[Attempt], None]
    ) -> aioweb.Response:
        """Do the step, then show what the intent's state asks for: the form, the bank's question, or the way back."""
        clock.settle(self._books, self._now())
        try:
            text = fields.get("ticket", "")
            ticket = self._ticket(text, Purpose.CARD)
        except BadTicket:
            return _gone(_language(http, fields))
        lang = _language(http, fields, ticket)
        error = ""
        try:
            step(hosted_form.attempt(self._books, ticket.account, ticket.object))
        except ApiError as refusal:
            error = error_key(refusal.code, refusal.decline)
        self._changed()
        attempt = hosted_form.attempt(self._books, ticket.account, ticket.object)
        state = state_of(attempt)
        if state == "done":
            return leave(ticket.return_url)
        words = words_of(lang)
        if state == "challenge":
            said = words[hosted_form.challenge_word(attempt)].format(amount=hosted_form.amount_of(attempt, lang))
            return page("challenge", lang, ticket=text, text=said)
        kind = hosted_form.kind_of(attempt)
        return page(
            "card",
            lang,
            status=402 if error else 200,
            error=error,
            ticket=text,
            text=words[f"{kind}_text"].format(amount=hosted_form.amount_of(attempt, lang)),
            submit=words[f"submit_{kind}"],
            return_url=ticket.return_url,
            cards=[(hosted_form.spaced(number), words[hosted_form.effect_of(card)]) for number, card in CARDS.items()],
        )

    # -- accounts --------------------------------------------------------------------------------------------

    async def _onboarding(self, http: aioweb.Request) -> aioweb.Response:
        lang = _language(http, http.query)
        try:
            link, good = accounts.open_link(self._books, http.query.get("link", ""), self._now())
        except KeyError:
            return _gone(lang)
        self._changed()
        if not good:
            return leave(link.refresh_url)
        ticket = Ticket(
            purpose=Purpose.ONBOARDING,
            object=link.account,
            return_url=link.return_url,
            lang=lang,
            expires=self._page_time() + tickets.LIVES,
        )
        return self._missing(tickets.signed(ticket, self._books.install.secret_key), link.account, lang)

    async def _provide(self, http: aioweb.Request) -> aioweb.Response:
        form = await _fields(http)
        try:
            ticket = self._ticket(form.get("ticket", ""), Purpose.ONBOARDING)
        except BadTicket:
            return _gone(_language(http, form))
        item = form.get("item", "")
        if not item:
            return leave(ticket.return_url)
        accounts.give(self._books, ticket.object, item, self._now())
        self._changed()
        return self._missing(form["ticket"], ticket.object, _language(http, form, ticket))

    def _missing(self, ticket: str, name: str, lang: str) -> aioweb.Response:
        words = words_of(lang)
        due = self._books.known(records.Account, name).due
        items = [(item, words["provide"].format(item=words.get(f"item_{item}", item))) for item in due]
        return page("onboarding", lang, ticket=ticket, items=items)

    async def _dashboard(self, http: aioweb.Request) -> aioweb.Response:
        try:
            ticket = self._ticket(http.query.get("ticket", ""), Purpose.DASHBOARD)
        except BadTicket:
            return _gone(_language(http, http.query))
        clock.settle(self._books, self._now())
        self._changed()
        lang = _language(http, http.query, ticket)
        account = self._books.get(records.Account, "", ticket.object)
        words = words_of(lang)
        return page(
            "dashboard",
            lang,
            can_charge=account.can_charge,
            items=[words.get(f"item_{item}", item) for item in account.due],
            balances=hosted_form.balances(self._books, account.id, lang),
            payouts=[
                (payout.arrival.date().isoformat(), hosted_form.money(payout.amount, payout.currency, lang), state)
                for payout in self._books.of(records.Payout, account.id)
                for state in [words[f"state_{payout.status}"]]
            ],
        )

    def _ticket(self, text: str, purpose: Purpose) -> Ticket:
        install = self._books.install
        ticket = tickets.read(text, purpose, install.secret_key, self._page_time())
        if self._books.named(ticket.object) is None or not tickets.may_return_to(
            ticket.return_url, install.public_origin
        ):
            raise BadTicket
        return ticket


async def _fields(http: aioweb.Request) -> dict[str, str]:
    return {name: value for name, value in (await http.post()).items() if isinstance(value, str)}


def _language(http: aioweb.Request, fields: Mapping[str, str], ticket: Ticket | None = None) -> str:
    asked = fields.get("lang", "") or (ticket.lang if ticket is not None else "")
    return language(asked, http.headers.get("Accept-Language", ""))


def _gone(lang: str) -> aioweb.Response:
    return page("gone", lang, status=410)
