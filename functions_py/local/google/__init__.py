"""Plays Google on one port for the real google-genai SDK and google-auth, so that nothing in a client is
pretended.

A client finds it through Google's own overrides only: `GOOGLE_VERTEX_BASE_URL` and `STORAGE_EMULATOR_HOST`
name this process, and the service-account file it writes (`$LOCAL_STATE_DIR/google-service-account.json`)
names it as `token_uri`. For the Gemini API, `GOOGLE_GEMINI_BASE_URL` and the key in
`$LOCAL_STATE_DIR/google-api-key`.

It speaks the wire formats recorded from the SDK, refuses what Google refuses, makes real clips, and fails on
demand: see markers.py. State survives a restart, as Google's would.
"""

from __future__ import annotations
