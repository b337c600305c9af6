"""What practitioners have printed below their name on receipts."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; nobody has said anything yet."""
    op.add_column("practitioners", sa.Column("receipt_lines", sa.Text(), nullable=False, server_default=sa.text("''")))
