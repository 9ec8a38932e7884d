"""The container that submits videos to a provider, polls them and moves the finished files into Storage.

Everything it decides, it decides by asking Postgres: the schema ``worker_api`` is its only SQL, and each verb
is one autocommit statement that answers by name what happened. The worker may be killed at any point; what it
held comes back by its lease.
"""

from __future__ import annotations

__version__ = "0.1.0"
