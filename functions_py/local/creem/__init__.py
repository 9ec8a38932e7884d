"""A stand-in for Creem, for development and tests only: checkouts, transactions, prompt moderation, webhooks.

It speaks the wire format of the documentation, forgets everything when it ends, and fails on demand. Nobody
pays anything: whoever opens a checkout's page and presses the button has paid.
"""
