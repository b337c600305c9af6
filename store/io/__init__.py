"""The database and the in-process bus: engine, transactions, outbox, due jobs, leases, migrations."""
