"""The sandbox's server: its API, hosted pages, webhooks and memory."""
