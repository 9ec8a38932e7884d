"""The prompt optimizer: a text model tells what a user means the way a film director or photographer would.

The user's words are material and never an instruction, and what comes back is checked. Whatever fails, the
answer is the user's own prompt.
"""
