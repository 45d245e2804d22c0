"""Webhooks on their way out: what is in one, when it is sent, and to whom."""
