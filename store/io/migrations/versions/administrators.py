"""Administrators and their log-ins; when an invitation was first followed."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables of administrators and add one column."""
    op.add_column("invitations", sa.Column("opened_at", _MOMENT))
    op.create_table(
        "administrators",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text()),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_administrators"),
        sa.UniqueConstraint("email", name="uq_administrators_email"),
    )
    op.create_table(
        "administrator_sessions",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("administrator", sa.Text(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("last_seen_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_administrator_sessions"),
        sa.ForeignKeyConstraint(
            ["administrator"],
            ["administrators.id"],
            name="fk_administrator_sessions_administrator_administrators",
        ),
    )
    op.create_table(
        "administrator_links",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("administrator", sa.Text(), nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("used_at", _MOMENT),
        sa.PrimaryKeyConstraint("token_hash", name="pk_administrator_links"),
        sa.ForeignKeyConstraint(
            ["administrator"], ["administrators.id"], name="fk_administrator_links_administrator_administrators"
        ),
    )
