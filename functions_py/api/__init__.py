"""The facade: the RPCs of videos as plain HTTP, for clients that do not use a Supabase library.

It decides nothing: each call is made as the caller, and what the RPC answers is what he gets, with the HTTP
manners around it: 202 and Location, Idempotency-Key, Retry-After, and a link that plays.
"""
