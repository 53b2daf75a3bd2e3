"""What a supervisor is told to do: plain data that `marshal` carries."""

from typing import TypedDict


class MemberPlan(TypedDict):
    """How one member starts, what holds it in, and how to be rid of it."""

    rank: int
    copy: str  # the image to copy into the root file system; empty: made from the three below
    folders: list[tuple[str, int]]
    links: list[tuple[str, str]]
    files: list[tuple[str, bytes]]
    beside: list[tuple[str, bytes]]  # next to the root file system, out of the workload's reach
    argv: list[str]
    env: dict[str, str]
    drop: bool  # become `owner` before the launcher starts
    cgroups: list[str]
    limits: list[tuple[str, str]]
    cpus: list[int]
    rlimits: list[tuple[int, int]]
    container: str  # runc's name for it; empty with the others
    memory_group: str  # where the kernel counts its memory; empty if nowhere
    disk_bytes: int
    memory_bytes: int  # watched by the supervisor; 0 where the kernel holds it


class Plan(TypedDict):
    """A whole lease."""

    root: str
    lease: str
    isolation: str
    boot: str
    owner: int  # host user that the inside's root is; -1: whoever runs the engine
    binds: list[tuple[str, str]]  # source, and its name under STAGE in the supervisor's own mounts
    users: bytes  # what stands in for /etc/passwd, where the tenant would have no name; or nothing
    private_network: bool
    ports: list[int]  # to be reached from outside a private network
    cookie: str
    grace_seconds: int
    log_bytes: int
    runc: list[str]
    fault: str  # why it cannot start at all; empty if it can
    members: list[MemberPlan]
    ranks: list[int]  # all of them, even where a fault leaves `members` empty
