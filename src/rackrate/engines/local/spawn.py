"""Starts supervisors, which owe nothing to the process that starts them."""

import os
import sys
from pathlib import Path

import rackrate
from rackrate.engines.local.planning import PATH

SOURCE = str(Path(rackrate.__file__).parents[1])
# A bare interpreter: no site packages to look for, nothing read from the environment.
SUPERVISE = (
    "import sys; sys.path[0] = sys.argv[1]; "
    "from rackrate.engines.local import supervisor; supervisor.main(sys.argv[2])"
)


class Child:
    """A process that we started and may outlive us: not `subprocess`, which frowns upon that."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._over = False

    def running(self) -> bool:
        if not self._over:
            try:
                self._over = os.waitpid(self.pid, os.WNOHANG)[0] != 0
            except ChildProcessError:
                self._over = True
        return not self._over


def supervisor(folder: str) -> Child:
    """In a session of its own, with nothing of ours: no pipe, no variable, no folder."""
    said = os.open(f"{folder}/supervisor.log", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    try:
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-S", "-E", "-s", "-c", SUPERVISE, SOURCE, folder],
            {"PATH": PATH},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, said, 2),
            ],
            setsid=True,
        )
    finally:
        os.close(said)
    return Child(pid)
