"""Webhooks: payload, outbox, delivery, URL guard."""
