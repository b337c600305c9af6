"""The agenda's tables, credentials and service."""
