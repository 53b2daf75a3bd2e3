"""What every test may ask for: a database of its own, a data folder, and no silent skips."""

import contextlib
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest
import pytest_socket
from psycopg import sql

from rackrate.core.errors import Refused
from rackrate.db.embedded import DATABASE, SETTINGS, Embedded
from rackrate.db.remove import remove

HERE = Path(__file__).parent
# What these folders test needs only the interpreter. Everything else runs real parts.
UNIT = frozenset({"app", "contract", "core", "exports", "golden", "memory", "sim"})
IN_MEMORY = frozenset({"memory", "sim"})
LONGEST = frozenset({"browser", "cli", "docs", "engines", "torture"})
EXCUSE = "cannot run on this machine:"
PREFIX = "rackrate-test-"
OLD_SECONDS = 3 * 3600
ROOM_BYTES = 4 * 1024**3
# These databases live for seconds: the tests of durability start a server of their own.
IN_A_HURRY = {**SETTINGS, "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


@dataclass(frozen=True, slots=True)
class Postgres:
    """One server for the whole run, and a template from which a new database is made in no time."""

    server: Embedded
    template: str
    numbers: "count[int]"

    def new(self, *, empty: bool = False) -> str:
        """The connection string of a new database: with Rackrate's schema, or `empty`."""
        name = f"test_{next(self.numbers):05d}"
        command = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
            sql.Identifier(name), sql.Identifier("template0" if empty else self.template)
        )
        with psycopg.connect(self.server.dsn_of("postgres"), autocommit=True) as connection:
            connection.execute(command)
        return self.server.dsn_of(name)

    def drop(self, dsn: str) -> None:
        name = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
        with psycopg.connect(self.server.dsn_of("postgres"), autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(str(name)))
            )


def quick_folder() -> Path:
    """Memory where there is enough of it: a database is made 20 times as fast as on a busy disk."""
    memory = Path("/dev/shm")
    with contextlib.suppress(OSError):
        found = os.statvfs(memory)
        roomy = found.f_bavail * found.f_frsize > ROOM_BYTES
        if roomy and not found.f_flag & os.ST_NOEXEC and os.access(memory, os.W_OK):
            return memory
    return Path(tempfile.gettempdir())


def new_data_folder() -> Path:
    """A folder that an unprivileged server can reach, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=quick_folder()))
    folder.chmod(0o711)
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """PostgreSQL, started when the first test asks for it."""
    folder = new_data_folder()
    sweep(folder.stat().st_mtime)
    server = Embedded(folder, IN_A_HURRY)
    dsn = server.start()
    try:
        found = importlib.util.find_spec("rackrate.db.schema")
        if found and found.has_location:
            importlib.import_module("rackrate.db.schema").migrate(dsn)
        yield Postgres(server, DATABASE, count(1))
    finally:
        server.stop()
        remove(folder)


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """The connection string of a new database with Rackrate's schema."""
    dsn = postgres.new()
    yield dsn
    postgres.drop(dsn)


@pytest.fixture
def empty_database(postgres: Postgres) -> Iterator[str]:
    """The connection string of a new database with nothing in it."""
    dsn = postgres.new(empty=True)
    yield dsn
    postgres.drop(dsn)


@pytest.fixture
def data() -> Iterator[Path]:
    """A new data folder, for a server or a control plane of the test's own."""
    folder = new_data_folder()
    yield folder / "data"
    remove(folder / "data")
    shutil.rmtree(folder)


def sweep(now: float) -> None:
    """Remove what runs that were killed have left: old folders whose lock nobody holds."""
    places = {quick_folder(), Path(tempfile.gettempdir())}
    for folder in [folder for place in places for folder in place.glob(f"{PREFIX}*")]:
        with contextlib.suppress(FileNotFoundError, Refused):
            if folder.stat().st_uid == os.geteuid() and now - folder.stat().st_mtime > OLD_SECONDS:
                remove(folder)
                remove(folder / "data")
                shutil.rmtree(folder, ignore_errors=True)


def is_unit(item: pytest.Item) -> bool:
    """By its folder; a contract test is a unit for the implementations that live in memory."""
    folder = item.path.relative_to(HERE).parts[0]
    if folder not in UNIT or item.get_closest_marker("real"):
        return False
    call = getattr(item, "callspec", None)
    return folder != "contract" or call is None or bool(IN_MEMORY & set(call.id.split("-")))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs nothing goes first, since it fails fastest; of several workers' what lasts
    longest, so that none is left with it at the end.
    """
    for item in items:
        item.add_marker("unit" if is_unit(item) else "real")
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: item.path.relative_to(HERE).parts[0] not in LONGEST)
    else:
        items.sort(key=lambda item: item.get_closest_marker("unit") is None)


@pytest.fixture(autouse=True)
def _no_network_for_units(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.node.get_closest_marker("unit"):
        pytest_socket.disable_socket(allow_unix_socket=True)
    yield
    pytest_socket.enable_socket()


def excused(report: pytest.TestReport | pytest.CollectReport) -> bool:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return reason.removeprefix("Skipped: ").startswith(EXCUSE)


def refuse_silent_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """A skip that is not the machine's fault is a failure, and so is an expected failure."""
    if report.skipped and not excused(report):
        report.outcome = "failed"
        report.longrepr = f"{report.longrepr}: a skip must begin with '{EXCUSE}'"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    refuse_silent_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    refuse_silent_skip(report)
    return report
