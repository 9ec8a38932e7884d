"""The local stand-in for a hosted Supabase project's URL: gateway, Auth, Storage and the road to PostgREST.

For development and tests only. One process serves everything below one address, as the hosted gateway does:
`/auth/v1`, `/storage/v1` and `/rest/v1`. It also delivers what the database queued through pg_net's
interface.
"""

from __future__ import annotations
