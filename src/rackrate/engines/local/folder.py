"""A lease's folder as supervisor and engine both see it: who holds it, what became of its members.

Standard library only, and little of that, because every start of a lease waits for its import.
"""

import marshal
import os

from rackrate.engines.local import kernel

PLAN, RECORD, CLAIM = "plan", "record.json", "claim"
STAGE = "/run/rackrate"  # where a supervisor shows its members their folders, as root
FINAL = ("failed", "gone")


def write(path: str, data: bytes, durable: bool = False) -> None:
    """All of it or nothing, whenever we die. `durable` is of what it holds: `sync` its name too."""
    passing = f"{path}.{os.getpid()}"
    with open(passing, "wb", opener=_private) as file:
        file.write(data)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    os.replace(passing, path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def sync(folder: str) -> None:
    """Make names in the folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None


def claim(folder: str) -> bool:
    """Become the one supervisor that this folder will ever have. False if it has had one.

    A link appears whole or not at all, and only once: so a lease starts at most once, however
    often and by however many control planes it is asked for.
    """
    mine = f"{folder}/{CLAIM}.{os.getpid()}"
    me = os.getpid()
    with open(mine, "wb", opener=_private) as file:
        file.write(f"{me} {kernel.started(me)} {kernel.boot()}".encode())
    try:
        os.link(mine, f"{folder}/{CLAIM}")
    except FileExistsError:
        return False
    finally:
        os.unlink(mine)
    return True


def holder(folder: str) -> tuple[int, bool] | None:
    """The process that claimed the folder, and whether it lives; None if none has yet."""
    text = read(f"{folder}/{CLAIM}")
    if text is None:
        return None
    pid, ticks, boot = text.decode().split()
    alive = boot == kernel.boot() and kernel.started(int(pid)) == int(ticks)
    return int(pid), alive


def address(folder: str) -> str:
    """Where the lease's ports can be reached, once its supervisor has opened them."""
    return (read(f"{folder}/address") or b"").decode()


def tombstone(root: str, lease: str) -> str:
    return f"{root}/released/{lease}"


def released(root: str, lease: str) -> int:
    """The highest generation that was told to go; -1 if none was."""
    text = read(tombstone(root, lease))
    return -1 if text is None else int(text)


def generation(folder: str) -> int:
    """The generation that the folder now stands for: a newer one may have adopted it."""
    text = read(f"{folder}/generation")
    return int(os.path.basename(folder)) if text is None else int(text)


def plan(folder: str) -> "dict[str, object]":
    data = read(f"{folder}/{PLAN}")
    assert data is not None, folder
    loaded: dict[str, object] = marshal.loads(data)
    return loaded


def put_status(folder: str, rank: int, phase: str, pid: int, reason: str) -> None:
    """`since` is the time of the file, so that a supervisor needs no clock."""
    text = f"{phase} {pid} {kernel.started(pid) if pid else 0}\n{reason}"
    write(f"{folder}/{rank}/status", text.encode())


def status(folder: str, rank: int) -> tuple[str, int, int, str, float]:
    """Phase, pid and its starting tick, reason, and since when."""
    path = f"{folder}/{rank}/status"
    try:
        since = os.stat(path).st_mtime
    except FileNotFoundError:
        return "starting", 0, 0, "", 0.0
    head, _, reason = (read(path) or b"starting 0 0\n").decode(errors="replace").partition("\n")
    phase, pid, ticks = head.split()
    return phase, int(pid), int(ticks), reason, since
