"""What is called off, given up, accepted or gone is told apart; the card fee stands in the ledger alone."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Change the columns. Of a settled difference nobody knows whether it was accepted: it was gone, and may return."""
    op.add_column("prices", sa.Column("called_off_at", _MOMENT))
    op.add_column("payments", sa.Column("given_up", sa.BigInteger(), nullable=False, server_default=sa.text("0")))
    op.drop_column("payments", "card_fee")
    op.add_column("differences", sa.Column("accepted_at", _MOMENT))
    op.add_column("differences", sa.Column("gone_at", _MOMENT))
    op.execute("UPDATE differences SET gone_at = settled_at")
    op.drop_column("differences", "settled_at")
