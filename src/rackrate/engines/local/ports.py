"""Doors from the machine's loopback into a lease's own network. Standard library only.

Imported by a supervisor only for leases that name ports.
"""

from __future__ import annotations

import os
import select
import signal
import socket

LOOPBACK = "127.0.0.1"
CHUNK = 65536


class Doors:
    """One listener for each port. Made before the supervisor leaves the machine's network."""

    def __init__(self, ports: list[int]) -> None:
        self.inner: dict[int, int] = {}
        self.listeners: dict[int, socket.socket] = {}
        for port in ports:
            listener = socket.create_server((LOOPBACK, 0))
            listener.setblocking(False)
            self.listeners[listener.fileno()] = listener
            self.inner[listener.fileno()] = port

    def address(self) -> str:
        """Where each port can be reached, in the order in which they were named."""
        each = (listener.getsockname()[1] for listener in self.listeners.values())
        return ",".join(f"{LOOPBACK}:{port}" for port in each)

    def close(self) -> None:
        for listener in self.listeners.values():
            listener.close()

    def knock(self, handle: int) -> None:
        """Somebody is at the door: a process of its own takes them in."""
        try:
            visitor, _ = self.listeners[handle].accept()
        except OSError:
            return
        if os.fork() == 0:
            try:
                for number in (signal.SIGTERM, signal.SIGCHLD):
                    signal.signal(number, signal.SIG_DFL)
                signal.set_wakeup_fd(-1)
                self.close()
                visitor.setblocking(True)
                with socket.create_connection((LOOPBACK, self.inner[handle])) as inside:
                    _carry(visitor, inside)
            finally:
                os._exit(0)
        visitor.close()


def _carry(one: socket.socket, other: socket.socket) -> None:
    """Bytes both ways, until both sides have said all."""
    towards = {one: other, other: one}
    while towards:
        for source in select.select(list(towards), [], [])[0]:
            data = source.recv(CHUNK)
            target = one if source is other else other
            if data:
                target.sendall(data)
            else:
                target.shutdown(socket.SHUT_WR)
                del towards[source]
