"""The gateway to the sandbox: Stripe's, to another address, plus the two pages that Stripe keeps elsewhere."""

from collections.abc import Callable
from datetime import datetime

from billing.gateway import Intent
from billing.io.stripe_gateway import StripeGateway
from billing.sandbox import tickets
from billing.sandbox.tickets import Purpose, Ticket


class SandboxGateway(StripeGateway):
    """`clock` is the one that the sandbox was started with, without its lead."""

    sandbox = True

    def __init__(
        self,
        secret_key: str,
        publishable_key: str,
        *,
        webhook_secrets: tuple[str, str],
        url: str,
        clock: Callable[[], datetime],
        incremental: bool = False,
    ) -> None:
        super().__init__(secret_key, publishable_key, webhook_secrets=webhook_secrets, url=url, incremental=incremental)
        self._secret_key = secret_key
        self._clock = clock

    def card_form_url(self, intent: Intent, return_url: str, lang: str) -> str:
        return self._page(Purpose.CARD, intent.id, intent.account, return_url, lang)

    def dashboard_url(self, account: str) -> str:
        return self._page(Purpose.DASHBOARD, account, account, "/", "")

    def _page(self, purpose: Purpose, name: str, account: str, return_url: str, lang: str) -> str:
        ticket = Ticket(
            purpose=purpose,
            object=name,
            account=account,
            return_url=return_url,
            lang=lang,
            expires=self._clock() + tickets.LIVES,
        )
        return tickets.page_url(ticket, self._secret_key)
