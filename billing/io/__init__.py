"""Billing that acts: the database, the payment provider, its webhooks."""
