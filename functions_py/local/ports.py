"""Loopback ports that stay ours from before a service starts until the stack ends."""

from __future__ import annotations

import socket

HOST = "127.0.0.1"


class PortReservations:
    """Holds a bound, never listening socket per service name.

    While it is held the kernel gives the port to nobody else, neither to a `bind` to port 0 nor to an
    outgoing connection; but a server that sets SO_REUSEADDR (all of ours do) may bind and listen on it,
    and do so again after a restart. So there is no gap between choosing a port and using it, and no
    conflict to retry.
    """

    def __init__(self) -> None:
        self._held: dict[str, socket.socket] = {}

    def port(self, name: str) -> int:
        """The port of a service, reserved at the first call."""
        if name not in self._held:
            held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.bind((HOST, 0))
            self._held[name] = held
        return int(self._held[name].getsockname()[1])

    def close(self) -> None:
        """Gives all ports back."""
        for held in self._held.values():
            held.close()
        self._held.clear()
