"""The facts of the meter, append-only: triggers refuse to change or delete what was recorded, whoever asks."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TAKEN = (
    "EXISTS (SELECT 1 FROM meter_facts WHERE call = NEW.call AND number = NEW.number)"
    " OR EXISTS (SELECT 1 FROM meter_facts WHERE boot = NEW.boot AND seq = NEW.seq)"
)


def upgrade() -> None:
    """Create the table and its triggers."""
    op.create_table(
        "meter_facts",
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("boot", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("leg", sa.Text()),
        sa.Column("seat", sa.Text()),
        sa.Column("heard_ms", sa.BigInteger()),
        sa.Column("monotonic_ms", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("call", "number", name="pk_meter_facts"),
        sa.UniqueConstraint("boot", "seq", name="uq_meter_facts_boot_seq"),
    )
    if op.get_bind().dialect.name == "postgresql":
        _postgresql()
    else:
        _sqlite()


def _sqlite() -> None:
    refused = "BEGIN SELECT RAISE(ABORT, 'meter_facts is append-only'); END"
    op.execute(f"CREATE TRIGGER meter_facts_no_update BEFORE UPDATE ON meter_facts FOR EACH ROW {refused}")
    op.execute(f"CREATE TRIGGER meter_facts_no_delete BEFORE DELETE ON meter_facts FOR EACH ROW {refused}")
    # INSERT OR REPLACE deletes without asking the trigger on deletion.
    op.execute(
        f"CREATE TRIGGER meter_facts_no_replace BEFORE INSERT ON meter_facts FOR EACH ROW WHEN {_TAKEN} {refused}"
    )


def _postgresql() -> None:
    op.execute(
        "CREATE FUNCTION refuse_fact_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'meter_facts is append-only' USING ERRCODE = 'restrict_violation'; END $$"
    )
    op.execute(
        "CREATE TRIGGER meter_facts_no_change BEFORE UPDATE OR DELETE ON meter_facts"
        " FOR EACH ROW EXECUTE FUNCTION refuse_fact_change()"
    )
    op.execute(
        "CREATE TRIGGER meter_facts_no_truncate BEFORE TRUNCATE ON meter_facts"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_fact_change()"
    )
