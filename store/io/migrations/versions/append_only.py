"""The books are append-only: triggers refuse to change or delete what was booked or printed, whoever asks."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# What makes two rows of a table the same: SQLite's INSERT OR REPLACE deletes without asking the triggers on deletion.
_KEYS = {
    "postings": "id = NEW.id OR (kind = NEW.kind AND reference = NEW.reference)"
    " OR gateway_transaction = NEW.gateway_transaction",
    "entries": "posting = NEW.posting AND line = NEW.line",
    "receipts": "id = NEW.id OR reference = NEW.reference OR (series = NEW.series AND number = NEW.number)",
}


def upgrade() -> None:
    """Add the triggers."""
    if op.get_bind().dialect.name == "postgresql":
        _postgresql()
    else:
        _sqlite()


def _sqlite() -> None:
    for table, same in _KEYS.items():
        refused = f"SELECT RAISE(ABORT, '{table} is append-only')"
        for action in ("UPDATE", "DELETE"):
            name = f"{table}_no_{action.lower()}"
            op.execute(f"CREATE TRIGGER {name} BEFORE {action} ON {table} FOR EACH ROW BEGIN {refused}; END")
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} FOR EACH ROW"  # noqa: S608 — our own constants
            f" WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) BEGIN {refused}; END"
        )


def _postgresql() -> None:
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$"
    )
    for table in _KEYS:
        op.execute(
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
