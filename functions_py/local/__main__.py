"""`python -m functions_py.local`: see cli.py."""

from __future__ import annotations

from functions_py.local.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
