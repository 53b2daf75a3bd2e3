"""What the standard library lacks of Linux: namespaces, mounts, identities of processes."""

import ctypes
import fcntl
import os
import signal
import struct

NEW_MOUNTS = 0x00020000
NEW_USER = 0x10000000
NEW_NETWORK = 0x40000000
BIND, RECURSIVE, PRIVATE = 0x1000, 0x4000, 0x40000
NO_SETUID, NO_DEVICES = 0x2, 0x4
SUBREAPER = 36
INET, DATAGRAM, GET_FLAGS, SET_FLAGS, UP = 2, 2, 0x8913, 0x8914, 1

_boot: list[str] = []
_libc = ctypes.CDLL(None, use_errno=True)


def _check(answer: int, what: str) -> None:
    if answer != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def unshare(flags: int) -> None:
    _check(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    answer = _libc.mount(
        source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode()
    )
    _check(answer, f"mount {source} on {target}")


def adopt_orphans() -> None:
    """Descendants whose parent dies become ours, so that none is lost from sight."""
    _check(_libc.prctl(SUBREAPER, 1, 0, 0, 0), "prctl")


def own_mounts() -> None:
    """From here on, what this process mounts is seen by nobody but its children."""
    unshare(NEW_MOUNTS)
    mount("none", "/", "", RECURSIVE | PRIVATE)


def own_network() -> None:
    """A network of our own, with a loopback and nothing else. Needs no root where users may."""
    if os.geteuid() == 0:
        unshare(NEW_NETWORK)
    else:
        user, group = os.geteuid(), os.getegid()
        unshare(NEW_USER | NEW_NETWORK)
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    _raise_loopback()


def _raise_loopback() -> None:
    # Not through `socket`, whose import takes longer than all this does.
    probe = _libc.socket(INET, DATAGRAM, 0)
    _check(min(probe, 0), "socket")
    flags = struct.unpack(
        "16sH22x", fcntl.ioctl(probe, GET_FLAGS, struct.pack("16sH22x", b"lo", 0))
    )
    fcntl.ioctl(probe, SET_FLAGS, struct.pack("16sH22x", b"lo", flags[1] | UP))
    os.close(probe)


def boot() -> str:
    """Names this run of the kernel: no process of another one is alive."""
    if not _boot:
        with open("/proc/sys/kernel/random/boot_id") as file:
            _boot.append(file.read().strip())
    return _boot[0]


def stat(pid: int) -> list[bytes] | None:
    """Fields of /proc/PID/stat from the third on; None if there is no such process, or a zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            raw = file.read()
    except OSError:
        return None
    fields = raw[raw.rindex(b")") + 2 :].split()
    return None if fields[0] in (b"Z", b"X") else fields


def started(pid: int) -> int:
    """The tick at which it began, which tells it from a later one of its number; 0 if none."""
    fields = stat(pid)
    return int(fields[19]) if fields else 0


def descendants(root: int) -> list[int]:
    """Every living process below `root`, parents first. One look: repeat until it is empty."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := stat(int(name))):
            children.setdefault(int(fields[1]), []).append(int(name))
    found: list[int] = []
    ahead = [root]
    while ahead:
        below = children.get(ahead.pop(), [])
        found += below
        ahead += below
    return found


def send(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def dare(path: str, text: str) -> None:
    """Write into a file of the kernel's, if it lets us."""
    try:
        with open(path, "w") as file:
            file.write(text)
    except OSError:
        return
