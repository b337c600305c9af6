"""The one collection of tables. Each package's `io/tables.py` adds its own, and only that package touches them."""

from sqlalchemy import MetaData

# Names are spelled out so that a later migration can drop a constraint by the same name on every database.
metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    }
)
