"""A guide whose months have to pass: played on a virtual clock, command by command, in order."""

import io
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rackrate.api.app import create_app
from rackrate.app import identity, loops
from rackrate.app.world import World
from rackrate.cli.main import run
from rackrate.core.ids import SiteId
from rackrate.sim.world import VirtualClock, virtual_world
from tests.api.serve import served
from tests.docs.reading import Block, blocks


@dataclass(frozen=True, slots=True)
class Act:
    """A command of the guide, where its clock stands, and what is shown after all of its block."""

    command: str
    at: datetime | None
    refused: bool
    shown: tuple[str, ...]


def acts(text: str) -> Iterator[Act | Block]:
    """Blocks `yaml file=NAME` are files; blocks `sh play [at=INSTANT] [refused]` are commands."""
    found = blocks(text)
    for block, after in zip(found, [*found[1:], Block((), "")], strict=True):
        if block.words[:1] == ("yaml",) and len(block.words) == 2:
            yield block
        if block.words[:2] == ("sh", "play"):
            named = dict(word.split("=", 1) for word in block.words if "=" in word)
            at = datetime.fromisoformat(named["at"]).astimezone(UTC) if "at" in named else None
            shown = tuple(after.text.splitlines()) if after.words == ("text",) else ()
            commands = [
                line
                for line in block.text.replace("\\\n", " ").splitlines()
                if line.strip() and not line.startswith("#")
            ]
            for place, command in enumerate(commands):
                last = place == len(commands) - 1
                yield Act(command, at, "refused" in block.words, shown if last else ())


@dataclass
class Stage:
    """An empty installation with a simulated site to come; what a block printed so far."""

    world: World
    clock: VirtualClock
    folder: Path
    printed: str = ""

    def put(self, block: Block) -> None:
        name = block.words[1].removeprefix("file=")
        (self.folder / name).write_text(block.text)

    def do(self, act: Act) -> int:
        """Carry out one command, and let machines follow; the exit code."""
        if act.at is not None:
            self.clock.to(act.at)
        self._settle()
        program, *arguments = shlex.split(act.command, comments=True)
        assert program == "rackrate", act.command
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            code = run(arguments)
        self.printed += said.getvalue()
        self._settle()
        return code

    def _settle(self) -> None:
        leader = loops.lead(self.world, "guide")
        assert leader is not None
        loops.provision(self.world, leader)


@contextmanager
def stage(start: datetime, site: str, folder: Path) -> Iterator[tuple[Stage, dict[str, str]]]:
    """The stage, and what the program's environment must say."""
    world, clock = virtual_world(start, (SiteId(site),))
    first = identity.bootstrap(world)
    assert first is not None
    with served(create_app(world)) as port:
        told = {
            "RACKRATE_URL": f"http://127.0.0.1:{port}",
            "RACKRATE_TOKEN": first.secret,
            "HOME": str(folder),
        }
        yield Stage(world, clock, folder), told
