"""The README's five minutes, as they stand: typed into a shell, beside a cloud that is new."""

import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rackrate.db.remove import remove
from tests.conftest import new_data_folder
from tests.docs.reading import ROOT, Stop, missing, tour

PATIENCE_S = 120.0
STOPS = tuple(tour((ROOT / "README.md").read_text()))
SELLING = tuple(tour((ROOT / "docs" / "guides" / "sell-capacity.md").read_text()))
# What the commands name; all else in the folder is the tour's own.
NAMED = {"examples": ROOT / "examples", "src": ROOT / "src", ".venv": Path(sys.prefix)}


@dataclass(frozen=True, slots=True)
class Place:
    """A folder like a fresh checkout's, and the environment of somebody who has nothing yet."""

    folder: Path
    env: dict[str, str]


@pytest.fixture
def place() -> Iterator[Place]:
    for program in ("bash", "ssh", "ssh-keygen"):
        if shutil.which(program) is None:
            pytest.skip(f"cannot run on this machine: no {program}")
    folder = new_data_folder()
    for name, there in NAMED.items():
        (folder / name).symlink_to(there)
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    home = folder / "home"
    home.mkdir()
    yield Place(folder, {**kept, "HOME": str(home)})
    remove(folder / ".data")
    remove(folder / "tour" / "restored")
    shutil.rmtree(folder)


@pytest.fixture
def up(place: Place) -> Iterator[str]:
    """What `make up` starts, at free ports; the screen that it ends with."""
    command = [".venv/bin/rackrate", "up", "--demo", "--data", ".data"]
    cloud = subprocess.Popen(
        [*command, "--port", "0", "--ssh-port", "0"],
        cwd=place.folder,
        env=place.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield Listener(cloud).until("Ctrl-C stops it")
    finally:
        cloud.send_signal(signal.SIGINT)
        cloud.communicate(timeout=PATIENCE_S)
        assert cloud.returncode == 0


class Listener:
    """What a program prints, read with a deadline."""

    def __init__(self, program: "subprocess.Popen[bytes]") -> None:
        assert program.stdout is not None
        self._program = program
        self._handle = program.stdout.fileno()
        os.set_blocking(self._handle, False)
        self._said = ""

    def until(self, last: str) -> str:
        """All that it prints up to `last`."""
        deadline = time.monotonic() + PATIENCE_S
        with selectors.DefaultSelector() as selector:
            selector.register(self._handle, selectors.EVENT_READ)
            while last not in self._said:
                left = deadline - time.monotonic()
                assert left > 0, f"no {last!r} in {PATIENCE_S:.0f} s: {self._said}"
                if selector.select(left):
                    heard = os.read(self._handle, 65536)
                    assert heard, f"it ended before {last!r}: {self._said}"
                    self._said += heard.decode()
        before, _, self._said = self._said.partition(last)
        return before


class Shell:
    """One bash, into which the stops are typed one after the other."""

    def __init__(self, place: Place) -> None:
        self._file = place.folder / "stop.sh"
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=place.folder,
            env=place.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._listener = Listener(self._bash)
        self._type("trap 'echo \"#failed $?\"' ERR\n")

    def run(self, commands: str) -> tuple[str, int]:
        """What the commands print, and how many of them fail. Nothing reads from a keyboard."""
        self._file.write_text(f"{commands}\n:\n")
        self._type(". ./stop.sh < /dev/null\necho '#done'\n")
        lines = self._listener.until("#done\n").splitlines()
        printed = [line for line in lines if not line.startswith("#failed")]
        return "\n".join(printed), len(lines) - len(printed)

    def _type(self, text: str) -> None:
        assert self._bash.stdin is not None
        self._bash.stdin.write(text.encode())
        self._bash.stdin.flush()

    def close(self) -> None:
        self._bash.communicate(timeout=PATIENCE_S)


def _end_everything(shell: Shell) -> None:
    """Leases outlive their cloud: nothing of them stays behind the test."""
    shell.run(
        "rackrate lease list --live | grep -o 'lse_[0-9a-z]*' | xargs -rn1 rackrate lease end\n"
        "until ! rackrate lease list --live | grep -q lse_; do sleep 0.2; done"
    )


def _follow(shell: Shell, stops: tuple[Stop, ...]) -> None:
    """Type each stop, and compare what it prints with what is shown."""
    for stop in stops:
        printed, failed = shell.run(stop.commands)
        told = f"\n$ {stop.commands}{printed}"
        assert failed == int(stop.refused), f"{failed} commands failed{told}"
        lacking = missing(stop.shown, printed)
        assert not lacking, f"not printed, or not in this order: {lacking!r}{told}"


def test_the_five_minutes_of_the_readme_go_as_they_are_shown(place: Place, up: str) -> None:
    assert "Rackrate is up" in up
    shell = Shell(place)
    try:
        _follow(shell, STOPS)
        judged, failed = shell.run("bean-check tour/books.beancount")
        assert not failed, judged
        assert "<html" in (place.folder / "tour" / "replay.html").read_text()
    finally:
        _end_everything(shell)
        shell.close()


def test_capacity_is_sold_as_the_guide_shows_it(place: Place, up: str) -> None:
    assert "Rackrate is up" in up
    shell = Shell(place)
    try:
        _follow(shell, SELLING)
    finally:
        shell.close()
    assert len(SELLING) >= 8 and all(stop.shown for stop in SELLING[1:])


def test_the_tour_shows_what_it_prints_and_refuses_once() -> None:
    assert len(STOPS) >= 10
    assert [stop.refused for stop in STOPS].count(True) == 1
    assert all(stop.shown for stop in STOPS[1:])
