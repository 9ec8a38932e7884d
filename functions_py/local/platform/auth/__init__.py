"""A stand-in for Supabase Auth v2.197: password and anonymous sign-in, sessions, and the admin API.

It writes the real tables of schema auth as role supabase_auth_admin, in the statement order of the original,
so that a project's triggers and foreign keys on `auth.users` meet here what they meet on hosted. There is no
mailer: what needs a link by mail (recovery, invitation, magic link) answers 501 and says so.
"""

from __future__ import annotations

from functions_py.local.platform.auth.routes import create_routes

__all__ = ["create_routes"]
