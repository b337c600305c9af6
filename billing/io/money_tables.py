"""What billing remembers of money. The facts that it is computed from are in `billing.io.tables`."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint, text

from store.io.columns import Utc
from store.io.metadata import metadata

# What a consultation costs, as its practitioner or a platform said when it was planned.
prices = Table(
    "prices",
    metadata,
    Column("consultation", Text, primary_key=True),
    Column("practitioner", Text, nullable=False),
    Column("tariff", Text, nullable=False),
    Column("when", Text, nullable=False),
    Column("starts_at", Utc, nullable=False),
    Column("planned_seconds", Integer, nullable=False),
    Column("locked", Boolean, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("called_off_at", Utc),
)

# The calls of a consultation, each with the tariff as it was when the call opened.
billed_calls = Table(
    "billed_calls",
    metadata,
    Column("call", Text, primary_key=True),
    Column("consultation", Text, nullable=False, index=True),
    Column("tariff", Text, nullable=False),
    Column("opened_at", Utc, nullable=False),
    Column("ended_at", Utc),
    Column("reason", Text),
)

# One consultation, one payment. Amounts in minor units; `price` to `due` are set when the amount is confirmed, as are
# the `ceiling` they were cut at and the `heads`: each call's last fact in the chain (JSON), which the amount came from.
# `given_up`: the part of `due` that nobody asks for any more.
payments = Table(
    "payments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("consultation", Text, nullable=False, unique=True),
    Column("practitioner", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("currency", Text, nullable=False),
    Column("tariff", Text, nullable=False),
    Column("when", Text, nullable=False),
    Column("starts_at", Utc, nullable=False),
    Column("planned_seconds", Integer, nullable=False),
    Column("patient_name", Text, nullable=False),
    Column("patient_email", Text),
    Column("language", Text, nullable=False),
    Column("agreed_most", BigInteger),
    Column("agreed_at", Utc),
    Column("coupon", Text, ForeignKey("coupons.id")),
    Column("entered", BigInteger),
    Column("no_show", Boolean, nullable=False),
    Column("timeline", Text),
    Column("heads", Text),
    Column("ceiling", BigInteger),
    Column("seconds", Integer),
    Column("price", BigInteger),
    Column("covered", BigInteger),
    Column("waived", BigInteger),
    Column("due", BigInteger),
    Column("given_up", BigInteger, nullable=False, server_default=text("0")),
    Column("paid", BigInteger, nullable=False),
    Column("refunded", BigInteger, nullable=False),
    Column("commission", BigInteger),
    Column("customer", Text, nullable=False),
    Column("payment_method", Text, nullable=False),
    Column("card", Text, nullable=False),
    Column("payout", Text, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("invoiced_at", Utc),
    Column("due_by", Utc),
    Column("paid_at", Utc),
    Column("asked_at", Utc),
)
Index("ix_payments_practitioner_created_at", payments.c.practitioner, payments.c.created_at)

# Each attempt to hold an amount, to keep a card, or to take money at once (`purpose`: hold, card, charge).
# `look_at`: when to ask the provider next, unasked; None when there is nothing to learn.
holds = Table(
    "holds",
    metadata,
    Column("id", Text, primary_key=True),
    Column("payment", Text, ForeignKey("payments.id"), nullable=False, index=True),
    Column("purpose", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("account", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("intent", Text, unique=True),
    Column("client_secret", Text, nullable=False),
    Column("capture_before", Utc),
    Column("captured", BigInteger, nullable=False),
    Column("fee", BigInteger, nullable=False),
    Column("charge_transaction", Text, nullable=False),
    Column("declined", Text, nullable=False),
    Column("off_session", Boolean, nullable=False),
    Column("look_at", Utc, index=True),
    Column("looks", Integer, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("changed_at", Utc, nullable=False),
)

# Every call to the payment provider, committed before it is sent. `subject`: the row that it is about.
gateway_operations = Table(
    "gateway_operations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("key", Text, nullable=False, unique=True),
    Column("account", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("answer", Text),
    Column("refusal", Text),
    Column("created_at", Utc, nullable=False),
    Column("sent_at", Utc),
    Column("answered_at", Utc),
    Column("due_at", Utc, nullable=False),
    Column("tries", Integer, nullable=False),
    UniqueConstraint("subject", "kind", "attempt"),
)
Index("ix_gateway_operations_state_due_at", gateway_operations.c.state, gateway_operations.c.due_at)

# What an administrator gave back.
refunds = Table(
    "refunds",
    metadata,
    Column("id", Text, primary_key=True),
    Column("payment", Text, ForeignKey("payments.id"), nullable=False, index=True),
    Column("hold", Text, ForeignKey("holds.id"), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("gateway_id", Text, unique=True),
    Column("administrator", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("changed_at", Utc, nullable=False),
)

# Ids are the provider's own.
disputes = Table(
    "disputes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("payment", Text, ForeignKey("payments.id"), nullable=False, index=True),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("opened_at", Utc, nullable=False),
    Column("closed_at", Utc),
)

payouts = Table(
    "payouts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False, index=True),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("arrival_date", Utc, nullable=False),
    Column("reconciled", Boolean, nullable=False),
)

# Append-only, as are the entries: triggers refuse any change.
postings = Table(
    "postings",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("gateway_transaction", Text, unique=True),
    Column("payment", Text, index=True),
    Column("at", Utc, nullable=False, index=True),
    UniqueConstraint("kind", "reference"),
)

entries = Table(
    "entries",
    metadata,
    Column("posting", Text, ForeignKey("postings.id"), primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("account", Text, nullable=False, index=True),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
)

# The webhook inbox: what was said, once each, and when we had looked.
notices = Table(
    "notices",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("received_at", Utc, nullable=False),
    Column("handled_at", Utc),
)
Index("ix_notices_object_kind", notices.c.object, notices.c.kind)

# What the provider and our books do not agree on. `accepted_at`: somebody knows why; `gone_at`: it was not found again.
differences = Table(
    "differences",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("ours", Text, nullable=False),
    Column("theirs", Text, nullable=False),
    Column("found_at", Utc, nullable=False),
    Column("accepted_at", Utc),
    Column("gone_at", Utc),
    UniqueConstraint("kind", "object"),
)

# Practitioners' accounts at the provider. `missing`: a JSON list in the provider's words.
accounts = Table(
    "accounts",
    metadata,
    Column("practitioner", Text, primary_key=True),
    Column("id", Text, unique=True),
    Column("state", Text, nullable=False),
    Column("can_charge", Boolean, nullable=False),
    Column("can_payout", Boolean, nullable=False),
    Column("missing", Text, nullable=False),
    Column("deadline", Utc),
    Column("currency", Text, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("seen_at", Utc),
    Column("reconciled_until", Utc),
)

organisations = Table(
    "organisations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", Utc, nullable=False),
)

# A code that pays all of a price (`percent` 100) or a part. `code` in capitals, without spaces and hyphens.
coupons = Table(
    "coupons",
    metadata,
    Column("id", Text, primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("organisation", Text, ForeignKey("organisations.id"), nullable=False),
    Column("percent", Integer, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("most_uses", Integer),
    Column("uses", Integer, nullable=False),
    Column("expires_at", Utc),
    Column("revoked_at", Utc),
    Column("created_at", Utc, nullable=False),
)

# `body`: everything that is printed, as JSON, so that a receipt is the same for ever.
receipts = Table(
    "receipts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("series", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reference", Text, nullable=False, unique=True),
    Column("payment", Text, ForeignKey("payments.id"), nullable=False, index=True),
    Column("body", Text, nullable=False),
    Column("issued_at", Utc, nullable=False),
    UniqueConstraint("series", "number"),
)

# Counted up in the transaction that issues the receipt: a number that is lost would be a gap.
receipt_series = Table(
    "receipt_series",
    metadata,
    Column("series", Text, primary_key=True),
    Column("last", Integer, nullable=False),
)
