"""HTTP functions in Python, and the local platform that runs everything without Docker."""
