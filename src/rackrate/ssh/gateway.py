"""The SSH gateway: one port, through which customers enter their leases and nothing else."""

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from rackrate.core.errors import RackrateError
from rackrate.ssh.door import Door, Visit
from rackrate.ssh.session import Session

LOGIN_SECONDS = 30
KEEPALIVE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Guests:
    """Who is here now."""

    connections: set[asyncssh.SSHServerConnection] = field(default_factory=set)
    sessions: set[Session] = field(default_factory=set)


class Reception(asyncssh.SSHServer):
    """One connection. Public keys only; no forwarding of ports, agents or X11."""

    def __init__(self, door: Door, guests: "Guests") -> None:
        self._door = door
        self._guests = guests
        self._visit: Visit | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._guests.connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        self._guests.connections.discard(self._connection)

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Asked once before and once with the signature; the visit is that of the last key."""
        text = key.export_public_key("openssh").decode().strip()
        shown = " ".join(text.split()[:2])
        try:
            self._visit = await asyncio.to_thread(self._door.admit, username, shown)
        except RackrateError:
            self._visit = None
        return self._visit is not None

    def session_requested(self) -> Session | bool:
        if self._visit is None:
            return False
        return Session(self._door, self._visit, self._guests.sessions)

    def connection_requested(
        self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
    ) -> bool:
        """Ports would be forwarded from the machine's network, not from the lease's."""
        raise asyncssh.ChannelOpenError(
            asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "no ports are forwarded here"
        )


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that listens."""

    host: str
    port: int
    host_key: str
    _acceptor: asyncssh.SSHAcceptor
    _guests: Guests

    async def close(self) -> None:
        """Stop listening, and hang up on who is connected. Leases go on."""
        self._acceptor.close()
        await self._acceptor.wait_closed()
        await asyncio.gather(*(session.end() for session in self._guests.sessions))
        for connection in tuple(self._guests.connections):
            connection.abort()
            await connection.wait_closed()


async def open_gateway(door: Door, host: str, port: int, key_file: Path) -> Gateway:
    """Listen at `host` and `port` (0: any free one), known by the key in `key_file`."""
    key = await asyncio.to_thread(_host_key, key_file)
    guests = Guests()
    acceptor = await asyncssh.create_server(
        lambda: Reception(door, guests),
        host,
        port,
        server_host_keys=[key],
        encoding=None,
        line_editor=False,
        agent_forwarding=False,
        x11_forwarding=False,
        allow_scp=False,
        password_auth=False,
        kbdint_auth=False,
        host_based_auth=False,
        login_timeout=LOGIN_SECONDS,
        keepalive_interval=KEEPALIVE_SECONDS,
        server_version="Rackrate",
    )
    public = key.export_public_key("openssh").decode().strip()
    return Gateway(host, acceptor.get_port(), public, acceptor, guests)


def _host_key(path: Path) -> asyncssh.SSHKey:
    """The same at every start, so that clients are not warned; for our eyes only."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        passing = path.with_name(f"{path.name}.{os.getpid()}")
        data = asyncssh.generate_private_key("ssh-ed25519").export_private_key("openssh")
        handle = os.open(passing, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(handle)
        passing.replace(path)
    return asyncssh.read_private_key(path)
