"""Purchases. Here is what no provider's wire decides; a folder for each provider translates to and from it.

A provider brings three things: a webhook that turns an event into a `Notice`, a checkout, and a list to
compare with. What a notice does to the ledger is decided in the database (`record_payment`), under its locks.
"""
