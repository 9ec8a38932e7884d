"""Creem: one-time products, hosted checkout, webhooks signed over the raw body.

wire.py says what Creem's objects mean, webhook.py takes its events, checkout.py sends a buyer there,
client.py calls its API, reconcile.py asks it for what no webhook told us.
"""
