"""The lobby's tables and service."""
