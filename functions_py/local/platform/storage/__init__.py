"""Storage for a stack without Docker: the HTTP API of Supabase Storage over real tables and row security.

Mounted at `/storage/v1`. Held to recorded behaviour of the real service by tests/contract. Bytes are below
`<state directory>/storage/`; see files.py. Left out: image transformation, the S3 protocol, object versions,
analytics and vector buckets.
"""

from __future__ import annotations

from functions_py.local.platform.storage.routes import create_routes

__all__ = ["create_routes"]
