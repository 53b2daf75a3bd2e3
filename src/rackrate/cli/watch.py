"""Following a lease: a live line while one waits, its output, and a way in."""

import os
import shlex
import sys
import time

from rackrate.cli.client import Client, Row, path
from rackrate.cli.failure import Failure
from rackrate.cli.moment import lasted

SLOWEST_S = 1.0
CHUNK = 65536


class StatusLine:
    """One line that rewrites itself on a terminal; elsewhere a line for each change."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._last = ""

    def show(self, text: str, elapsed_s: float) -> None:
        if self._live:
            wide = os.get_terminal_size(sys.stderr.fileno()).columns
            line = f"{text}, {lasted(elapsed_s)}"[: max(wide - 1, 1)]
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
        elif text != self._last:
            print(text, file=sys.stderr, flush=True)
        self._last = text

    def close(self) -> None:
        if self._live:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def wait_for(client: Client, lease: str, timeout_s: int) -> Row:
    """The lease once it runs; a Failure when it cannot, or not in time."""
    began = time.monotonic()
    pause = 0.05
    line = StatusLine()
    try:
        while True:
            row: Row = client.get(path("leases", lease))
            elapsed = time.monotonic() - began
            if _has_run(row):
                return row
            if row["wanted"] != "running" or row["phase"] in ("stopped", "ended", "interrupted"):
                raise Failure(f"{lease} is {row['phase']}{_why(row)}", "not_running")
            if elapsed >= timeout_s:
                raise Failure(
                    f"{lease} is still {row['phase']} after {timeout_s} s{_why(row)}; it stays "
                    f"wanted: end it with rackrate lease end {lease}",
                    "timeout",
                )
            line.show(_progress(row), elapsed)
            time.sleep(min(pause, timeout_s - elapsed))
            pause = min(pause * 1.5, SLOWEST_S)
    finally:
        line.close()


def wait_until_stopped(client: Client, lease: str, timeout_s: int) -> None:
    """Until the engine has confirmed it; a Failure when it does not in time."""
    began, pause, line = time.monotonic(), 0.05, StatusLine()
    try:
        while (row := client.get(path("leases", lease)))["phase"] not in ("stopped", "ended"):
            elapsed = time.monotonic() - began
            if elapsed >= timeout_s:
                raise Failure(f"{lease} is still {row['phase']} after {timeout_s} s", "timeout")
            line.show(_progress(row), elapsed)
            time.sleep(min(pause, timeout_s - elapsed))
            pause = min(pause * 1.5, SLOWEST_S)
    finally:
        line.close()


def _has_run(row: Row) -> bool:
    """Whether it runs, or has run since it was last asked to: a command may be quick.

    The log may be a moment ahead of the row beside it: then the next look tells.
    """
    if row["phase"] in ("queued", "starting"):
        return False
    kinds = [event["kind"] for event in row["history"]]
    asked = max(
        place for place, kind in enumerate(kinds) if kind in ("requested", "start_requested")
    )
    return "running" in kinds[asked:]


def _progress(row: Row) -> str:
    seen = [member["phase"] for member in row["found"]]
    of = f", {seen.count('ready')} of {row['nodes']} members ready" if row["nodes"] > 1 else ""
    return f"{row['id']} is {row['phase']}{of}"


def _why(row: Row) -> str:
    reasons = [member["reason"] for member in row["found"] if member["reason"]]
    causes = [event["cause"] for event in row["history"] if event["cause"]]
    said = reasons or causes[-1:]
    return f": {said[0]}" if said else ""


def follow(client: Client, lease: str, rank: int, go_on: bool) -> None:
    """Write a member's output as it is; with `go_on`, until the lease is at rest."""
    after, over = 0, False
    while True:
        answer = client.request(
            "GET", path("leases", lease, "logs"), {"rank": rank, "after": after, "limit": CHUNK}
        )
        sys.stdout.buffer.write(answer.body)
        sys.stdout.buffer.flush()
        after = int(answer.headers.get("next-offset", after + len(answer.body)))
        if answer.body:
            continue
        if not go_on or over:
            return
        # What was written before it came to rest is read once more.
        over = client.get(path("leases", lease))["phase"] in ("stopped", "ended", "interrupted")
        if not over:
            time.sleep(SLOWEST_S / 2)


def enter(client: Client, lease: str, command: list[str]) -> None:
    """Become OpenSSH's client, logged in to the lease."""
    row = client.get(path("leases", lease))
    if not row["ssh"] or row["phase"] != "running":
        raise Failure(
            f"{lease} is {row['phase']}, and is entered once it runs: rackrate lease show {lease}",
            "wrong_state",
        )
    words = shlex.split(row["ssh"])
    if words[:1] != ["ssh"] or any(word.startswith("-o") for word in words):
        raise Failure(f"{lease} is entered with {row['ssh']!r}, which is not plain ssh")
    sys.stdout.flush()
    try:
        # The gateway's key is taken as it is seen first, and must stay the same from then on.
        os.execvp("ssh", ["ssh", "-o", "StrictHostKeyChecking=accept-new", *words[1:], *command])
    except FileNotFoundError:
        raise Failure("there is no ssh here; install openssh-client", "unavailable") from None
