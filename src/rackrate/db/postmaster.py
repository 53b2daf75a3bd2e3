"""Which PostgreSQL processes really belong to a cluster, and how they are ended."""

import contextlib
import os
import signal
import time
from pathlib import Path

from rackrate.core.errors import Unavailable

ORPHAN_SECONDS = 2.0
POLL_SECONDS = 0.02


def socket_folder(cluster: Path) -> Path | None:
    """Where the server of `cluster` says that its socket is. It may be dead: connect to know."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    return Path(lines[4]) if len(lines) > 4 and lines[4] else None


def processes(cluster: Path) -> tuple[int, ...]:
    """Every living process that works in `cluster`: the postmaster and its children.

    PostgreSQL changes into its data directory, so the kernel knows whose a process is. The pid
    file does not: its pid may be a zombie's, or have been given to another program.
    """
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if os.readlink(entry / "cwd") == str(cluster) and "postgres" in _command(entry):
                    found.append(int(entry.name))
    return tuple(sorted(found))


def end(cluster: Path, seconds: float) -> None:
    """End what runs there: politely, then firmly. Afterwards no process and no pid file is left."""
    first = _postmaster(cluster)
    if first is not None:
        _signal((first,), signal.SIGINT)
        if not _gone(cluster, seconds):
            _signal((first,), signal.SIGQUIT)
    if not _gone(cluster, ORPHAN_SECONDS):
        _signal(processes(cluster), signal.SIGKILL)
        if not _gone(cluster, ORPHAN_SECONDS):
            raise Unavailable(f"PostgreSQL does not stop: processes {processes(cluster)}")
    with contextlib.suppress(FileNotFoundError):
        (cluster / "postmaster.pid").unlink()


def _postmaster(cluster: Path) -> int | None:
    """The parent among the living, or none when only orphans are left."""
    alive = processes(cluster)
    try:
        named = int((cluster / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
    return named if named in alive else None


def _gone(cluster: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while processes(cluster):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _signal(pids: tuple[int, ...], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _command(entry: Path) -> str:
    return (entry / "cmdline").read_bytes().split(b"\0", 1)[0].decode(errors="replace")
