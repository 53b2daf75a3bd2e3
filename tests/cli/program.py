"""The real program, run as a user runs it, with a home of its own."""

import json
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).parent / "rackrate"
PATIENCE_S = 120.0
PASSED = ("PATH", "LANG", "PYTHONPATH")


@dataclass(frozen=True, slots=True)
class Done:
    """What a run of it said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Program:
    """`rackrate` for one user. `environment` says which server, if any."""

    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def whole_environment(self) -> dict[str, str]:
        mine = {name: value for name, value in os.environ.items() if name in PASSED}
        return {**mine, "HOME": str(self.home), **self.environment}

    def __call__(self, *arguments: str, given: str = "") -> Done:
        ran = subprocess.run(
            [str(PROGRAM), *arguments],
            env=self.whole_environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        return Done(ran.returncode, ran.stdout, ran.stderr)

    def ok(self, *arguments: str, given: str = "") -> str:
        """What it says when it does what was asked."""
        done = self(*arguments, given=given)
        assert done.code == 0, done
        return done.out

    def on_terminal(self, columns: int, *arguments: str, **environment: str) -> str:
        """What it shows on a terminal that is `columns` wide."""
        ours, theirs = pty.openpty()
        told = {"TERM": "xterm-256color", "COLUMNS": str(columns), **environment}
        seen = bytearray()
        reader = threading.Thread(target=_drain, args=(ours, seen), daemon=True)
        reader.start()
        ran = subprocess.run(
            [str(PROGRAM), *arguments],
            env={**self.whole_environment, **told},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            timeout=PATIENCE_S,
            check=False,
        )
        os.close(theirs)
        reader.join(PATIENCE_S)
        os.close(ours)
        text = seen.decode().replace("\r\n", "\n")
        assert ran.returncode == 0, text
        return text


def _drain(terminal: int, seen: bytearray) -> None:
    try:
        while part := os.read(terminal, 65536):
            seen += part
    except OSError:
        return  # The other end is closed: Linux says so with EIO.
