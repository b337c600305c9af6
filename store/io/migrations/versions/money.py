"""The tables of money. Over 300 lines, as a step is one file; `_payments` is over 50, as that is one table."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create every table."""
    _consultations()
    _payments()
    _attempts()
    _at_the_provider()
    _seen_at_the_provider()
    _books()
    _reconciling()


def _consultations() -> None:
    op.create_table(
        "prices",
        sa.Column("consultation", sa.Text(), nullable=False),
        sa.Column("practitioner", sa.Text(), nullable=False),
        sa.Column("tariff", sa.Text(), nullable=False),
        sa.Column("when", sa.Text(), nullable=False),
        sa.Column("starts_at", _MOMENT, nullable=False),
        sa.Column("planned_seconds", sa.Integer(), nullable=False),
        sa.Column("locked", sa.Boolean(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("consultation", name="pk_prices"),
    )
    op.create_table(
        "billed_calls",
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("consultation", sa.Text(), nullable=False),
        sa.Column("tariff", sa.Text(), nullable=False),
        sa.Column("opened_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT),
        sa.Column("reason", sa.Text()),
        sa.PrimaryKeyConstraint("call", name="pk_billed_calls"),
    )
    op.create_index("ix_billed_calls_consultation", "billed_calls", ["consultation"])
    op.create_table(
        "organisations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_organisations"),
        sa.UniqueConstraint("name", name="uq_organisations_name"),
    )
    op.create_table(
        "coupons",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("most_uses", sa.Integer()),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("expires_at", _MOMENT),
        sa.Column("revoked_at", _MOMENT),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_coupons"),
        sa.UniqueConstraint("code", name="uq_coupons_code"),
        sa.ForeignKeyConstraint(["organisation"], ["organisations.id"], name="fk_coupons_organisation_organisations"),
    )


def _payments() -> None:
    op.create_table(
        "payments",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("consultation", sa.Text(), nullable=False),
        sa.Column("practitioner", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("tariff", sa.Text(), nullable=False),
        sa.Column("when", sa.Text(), nullable=False),
        sa.Column("starts_at", _MOMENT, nullable=False),
        sa.Column("planned_seconds", sa.Integer(), nullable=False),
        sa.Column("patient_name", sa.Text(), nullable=False),
        sa.Column("patient_email", sa.Text()),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("agreed_most", sa.BigInteger()),
        sa.Column("agreed_at", _MOMENT),
        sa.Column("coupon", sa.Text()),
        sa.Column("entered", sa.BigInteger()),
        sa.Column("no_show", sa.Boolean(), nullable=False),
        sa.Column("timeline", sa.Text()),
        sa.Column("heads", sa.Text()),
        sa.Column("ceiling", sa.BigInteger()),
        sa.Column("seconds", sa.Integer()),
        sa.Column("price", sa.BigInteger()),
        sa.Column("covered", sa.BigInteger()),
        sa.Column("waived", sa.BigInteger()),
        sa.Column("due", sa.BigInteger()),
        sa.Column("paid", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("card_fee", sa.BigInteger()),
        sa.Column("commission", sa.BigInteger()),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("payment_method", sa.Text(), nullable=False),
        sa.Column("card", sa.Text(), nullable=False),
        sa.Column("payout", sa.Text(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("invoiced_at", _MOMENT),
        sa.Column("due_by", _MOMENT),
        sa.Column("paid_at", _MOMENT),
        sa.Column("asked_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_payments"),
        sa.UniqueConstraint("consultation", name="uq_payments_consultation"),
        sa.ForeignKeyConstraint(["coupon"], ["coupons.id"], name="fk_payments_coupon_coupons"),
    )
    op.create_index("ix_payments_practitioner_created_at", "payments", ["practitioner", "created_at"])


def _attempts() -> None:
    op.create_table(
        "holds",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("payment", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("intent", sa.Text()),
        sa.Column("client_secret", sa.Text(), nullable=False),
        sa.Column("capture_before", _MOMENT),
        sa.Column("captured", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("charge_transaction", sa.Text(), nullable=False),
        sa.Column("declined", sa.Text(), nullable=False),
        sa.Column("off_session", sa.Boolean(), nullable=False),
        sa.Column("look_at", _MOMENT),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_holds"),
        sa.UniqueConstraint("intent", name="uq_holds_intent"),
        sa.ForeignKeyConstraint(["payment"], ["payments.id"], name="fk_holds_payment_payments"),
    )
    op.create_index("ix_holds_look_at", "holds", ["look_at"])
    op.create_index("ix_holds_payment", "holds", ["payment"])
    op.create_table(
        "refunds",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("payment", sa.Text(), nullable=False),
        sa.Column("hold", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("gateway_id", sa.Text()),
        sa.Column("administrator", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_refunds"),
        sa.UniqueConstraint("gateway_id", name="uq_refunds_gateway_id"),
        sa.ForeignKeyConstraint(["hold"], ["holds.id"], name="fk_refunds_hold_holds"),
        sa.ForeignKeyConstraint(["payment"], ["payments.id"], name="fk_refunds_payment_payments"),
    )
    op.create_index("ix_refunds_payment", "refunds", ["payment"])


def _at_the_provider() -> None:
    op.create_table(
        "gateway_operations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text()),
        sa.Column("refusal", sa.Text()),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("sent_at", _MOMENT),
        sa.Column("answered_at", _MOMENT),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gateway_operations"),
        sa.UniqueConstraint("key", name="uq_gateway_operations_key"),
        sa.UniqueConstraint("subject", "kind", "attempt", name="uq_gateway_operations_subject_kind_attempt"),
    )
    op.create_index("ix_gateway_operations_state_due_at", "gateway_operations", ["state", "due_at"])


def _seen_at_the_provider() -> None:
    op.create_table(
        "disputes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("payment", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("opened_at", _MOMENT, nullable=False),
        sa.Column("closed_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_disputes"),
        sa.ForeignKeyConstraint(["payment"], ["payments.id"], name="fk_disputes_payment_payments"),
    )
    op.create_index("ix_disputes_payment", "disputes", ["payment"])
    op.create_table(
        "payouts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("arrival_date", _MOMENT, nullable=False),
        sa.Column("reconciled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_payouts"),
    )
    op.create_index("ix_payouts_account", "payouts", ["account"])
    op.create_table(
        "accounts",
        sa.Column("practitioner", sa.Text(), nullable=False),
        sa.Column("id", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("can_charge", sa.Boolean(), nullable=False),
        sa.Column("can_payout", sa.Boolean(), nullable=False),
        sa.Column("missing", sa.Text(), nullable=False),
        sa.Column("deadline", _MOMENT),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("seen_at", _MOMENT),
        sa.Column("reconciled_until", _MOMENT),
        sa.PrimaryKeyConstraint("practitioner", name="pk_accounts"),
        sa.UniqueConstraint("id", name="uq_accounts_id"),
    )


def _books() -> None:
    op.create_table(
        "postings",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("gateway_transaction", sa.Text()),
        sa.Column("payment", sa.Text()),
        sa.Column("at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_postings"),
        sa.UniqueConstraint("gateway_transaction", name="uq_postings_gateway_transaction"),
        sa.UniqueConstraint("kind", "reference", name="uq_postings_kind_reference"),
    )
    op.create_index("ix_postings_at", "postings", ["at"])
    op.create_index("ix_postings_payment", "postings", ["payment"])
    op.create_table(
        "entries",
        sa.Column("posting", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("posting", "line", name="pk_entries"),
        sa.ForeignKeyConstraint(["posting"], ["postings.id"], name="fk_entries_posting_postings"),
    )
    op.create_index("ix_entries_account", "entries", ["account"])
    op.create_table(
        "receipts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("payment", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("issued_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_receipts"),
        sa.UniqueConstraint("reference", name="uq_receipts_reference"),
        sa.UniqueConstraint("series", "number", name="uq_receipts_series_number"),
        sa.ForeignKeyConstraint(["payment"], ["payments.id"], name="fk_receipts_payment_payments"),
    )
    op.create_index("ix_receipts_payment", "receipts", ["payment"])
    op.create_table(
        "receipt_series",
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("series", name="pk_receipt_series"),
    )


def _reconciling() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("handled_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
    )
    op.create_index("ix_notices_object_kind", "notices", ["object", "kind"])
    op.create_table(
        "differences",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("ours", sa.Text(), nullable=False),
        sa.Column("theirs", sa.Text(), nullable=False),
        sa.Column("found_at", _MOMENT, nullable=False),
        sa.Column("settled_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_differences"),
        sa.UniqueConstraint("kind", "object", name="uq_differences_kind_object"),
    )
