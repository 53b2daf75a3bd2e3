"""A gateway on a free port of this machine, before a local engine; and OpenSSH's own clients."""

import asyncio
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import LeaseId
from rackrate.core.workload import Entry
from rackrate.engines.local.engine import LocalEngine
from rackrate.ssh.door import Visit, parse
from rackrate.ssh.gateway import Gateway, open_gateway
from tests.engines.bench import RUNGS, Bench, engine_at, lease


@dataclass
class House:
    """Admits the keys that it was given, and says who is not at home."""

    engine: LocalEngine
    keys: dict[str, set[str]] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)

    def admit(self, user: str, key: str) -> Visit | None:
        lease, rank = parse(user)
        return Visit(lease, rank, "somebody") if key in self.keys.get(lease, set()) else None

    def entry(self, visit: Visit) -> Entry:
        if visit.lease in self.stopped:
            raise Refused(
                Reason.WRONG_STATE,
                f"{visit.lease} is stopped; start it with: rackrate lease start {visit.lease}",
            )
        return self.engine.entry(visit.lease, visit.rank)


@dataclass
class Client:
    """Runs ssh, scp, sftp and rsync against the gateway, as a customer would."""

    folder: Path
    port: int
    user: LeaseId | str
    house: House
    gateway: Gateway
    loop: "Loop"

    def close(self) -> None:
        """Stop the gateway, as the control plane does when it ends."""
        closing = self.gateway.close()
        asyncio.run_coroutine_threadsafe(closing, self.loop.loop).result(20)

    @property
    def options(self) -> list[str]:
        return [
            *("-F", "none", "-i", str(self.folder / "key"), "-o", "IdentitiesOnly=yes"),
            *("-o", f"UserKnownHostsFile={self.folder}/known_hosts", "-o", "BatchMode=yes"),
            *("-o", "StrictHostKeyChecking=yes", "-o", "IdentityAgent=none"),
        ]

    @property
    def address(self) -> str:
        return f"{self.user}@127.0.0.1"

    def ssh(self, *words: str, stdin: bytes = b"", options: tuple[str, ...] = ()) -> "Answer":
        port = ("-p", str(self.port))
        return self.run("ssh", *port, *self.options, *options, self.address, *words, stdin=stdin)

    def run(self, *words: str, stdin: bytes = b"") -> "Answer":
        done = subprocess.run(words, input=stdin, capture_output=True, timeout=60, check=False)
        return Answer(done.returncode, done.stdout, done.stderr.decode(errors="replace"))


@dataclass(frozen=True, slots=True)
class Answer:
    code: int
    out: bytes
    err: str


def make_key(path: Path) -> str:
    """A new key pair; the public half, without its comment."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return " ".join(path.with_suffix(".pub").read_text().split()[:2])


class Loop:
    """An event loop in a thread of its own, as the control plane gives the gateway."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


@pytest.fixture(scope="module", params=RUNGS)
def house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """An engine with one lease of two members that is kept open to log in to."""
    root = tmp_path_factory.mktemp("house") / "engine"
    bench = Bench(engine_at(root, request.param), root)
    bench.ready(lease(1, members=2))
    yield House(bench.engine)
    bench.close()


@pytest.fixture
def client(house: House, tmp_path: Path) -> Iterator[Client]:
    loop = Loop()
    opening = open_gateway(house, "127.0.0.1", 0, tmp_path / "host_key")
    gateway = asyncio.run_coroutine_threadsafe(opening, loop.loop).result(20)
    known = f"[127.0.0.1]:{gateway.port} {gateway.host_key}\n"
    (tmp_path / "known_hosts").write_text(known)
    house.keys = {"lse_000001": {make_key(tmp_path / "key")}}
    house.stopped = set()
    client = Client(tmp_path, gateway.port, "lse_000001", house, gateway, loop)
    yield client
    client.close()
    loop.close()
