"""A private PostgreSQL in the data folder: nothing to install, no port, no way in for others."""

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import psycopg
from psycopg import sql

from rackrate.core.errors import Reason, Refused, Unavailable
from rackrate.db import postmaster
from rackrate.db.owner import Account, Home, account_for, home_for

ROLE = "rackrate"
DATABASE = "rackrate"
START_SECONDS = 60.0
STOP_SECONDS = 60.0
LOG_BYTES = 16 * 1024 * 1024
POLL_SECONDS = 0.02

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "fsync": "on",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_min_messages": "warning",
        "max_connections": "200",
        "shared_buffers": "128MB",
        "dynamic_shared_memory_type": "posix",
    }
)


class Embedded:
    """The server of one data folder.

    It belongs to the folder and not to the process that started it: when the control plane is
    killed the server goes on, and the next `start` finds it. `stop` is what ends it.
    """

    def __init__(self, data: Path, settings: Mapping[str, str] = SETTINGS) -> None:
        self.data = data.resolve()
        self.settings = settings
        self._lock: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own data directory, once there is one."""
        return (self.data / "postgres").resolve() / "data"

    @property
    def dsn(self) -> str:
        """How to connect to the running server, for psycopg and for PostgreSQL's own tools."""
        return self.dsn_of(DATABASE)

    def dsn_of(self, database: str) -> str:
        folder = postmaster.socket_folder(self.cluster)
        if folder is None:
            raise Unavailable(f"no database is running in {self.data}")
        return psycopg.conninfo.make_conninfo(host=str(folder), user=ROLE, dbname=database)

    def running(self) -> bool:
        """Whether it answers. Nothing less counts: a pid file or a zombie is not a server."""
        folder = postmaster.socket_folder(self.cluster)
        return folder is not None and _answers(folder) == "yes"

    def start(self) -> str:
        """The connection string of a server that answers: found running, or started.

        Holds the data folder until `stop`, so that two control planes never share one.
        """
        held = self._lock is not None
        self._take_lock()
        try:
            account = account_for(self.data / "postgres")
            home = home_for(self.data, account)
            self._make_cluster(home, account)
            if not self._adopt():
                self._launch(home, account)
            self._make_database()
        except BaseException:
            if not held:
                self._drop_lock()
            raise
        return self.dsn

    def stop(self) -> None:
        """End the server, with everything it acknowledged on disk. Not running is success."""
        self._take_lock()
        try:
            self._end()
        finally:
            self._drop_lock()

    def _end(self) -> None:
        postmaster.end(self.cluster, STOP_SECONDS)
        if self._process is not None:
            self._process.wait(timeout=STOP_SECONDS)
            self._process = None

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        self.data.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 20, 0).decode().strip() or "unknown"
            os.close(handle)
            raise Refused(
                Reason.IN_USE,
                f"{self.data} is in use by process {holder}; stop that one first, "
                "or give this one a --data folder of its own",
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        self._lock = handle

    def _drop_lock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _make_cluster(self, home: Home, account: Account) -> None:
        """initdb beside its place and a rename, so that dying in the middle leaves nothing half."""
        version = home.path / "data" / "PG_VERSION"
        if version.exists():
            found, ours = version.read_text().strip(), home.binaries.major
            if found != ours:
                raise Refused(
                    Reason.WRONG_STATE,
                    f"{self.data} was made by PostgreSQL {found} and this is {ours}: "
                    "`rackrate backup` with the old version, `rackrate restore` with this one",
                )
            return
        new = home.path.with_name(home.path.name + ".new")
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(home.path, ignore_errors=True)
        account.maker.make_folder(new)
        account.maker.run(
            [
                str(home.binaries.tool("initdb")),
                f"--pgdata={new / 'data'}",
                f"--username={ROLE}",
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--data-checksums",
                "--auth-local=peer",
                "--auth-host=reject",
            ]
        )
        (new / "data" / "pg_hba.conf").write_text("local all all peer map=owner\n")
        (new / "data" / "pg_ident.conf").write_text(f'owner "{account.client}" all\n')
        account.server.own(new)
        new.rename(home.path)

    def _adopt(self) -> bool:
        """Whether a server of this folder runs already. What is left of a dead one is cleared."""
        deadline = time.monotonic() + START_SECONDS
        while (folder := postmaster.socket_folder(self.cluster)) is not None:
            answer = _answers(folder)
            if answer == "yes":
                return True
            if answer == "no" or time.monotonic() > deadline:
                break
            time.sleep(POLL_SECONDS)
        self._end()
        return False

    def _launch(self, home: Home, account: Account) -> None:
        """In a session of its own, so that Ctrl-C at the terminal reaches us and not the server."""
        cluster, log = home.path / "data", home.path / "log"
        folder = account.socket_folder(home.path)
        settings = {**self.settings, "unix_socket_directories": str(folder)}
        if log.exists() and log.stat().st_size > LOG_BYTES:
            log.rename(log.with_name("log.1"))
        with log.open("ab") as out:
            self._process = account.server.popen(
                [str(home.binaries.tool("postgres")), "-D", str(cluster)]
                + [part for name, value in settings.items() for part in ("-c", f"{name}={value}")],
                out,
            )
        deadline = time.monotonic() + START_SECONDS
        while _answers(folder) != "yes":
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._end()
                raise Unavailable(f"PostgreSQL did not start: {_last_words(log)} (see {log})")
            time.sleep(POLL_SECONDS)

    def _make_database(self) -> None:
        known = "SELECT 1 FROM pg_database WHERE datname = %s"
        try:
            with psycopg.connect(self.dsn_of("postgres"), autocommit=True) as connection:
                if connection.execute(known, [DATABASE]).fetchone() is None:
                    name = sql.Identifier(DATABASE)
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        except psycopg.OperationalError as error:
            raise Unavailable(f"the database does not answer: {error}") from error


def _answers(folder: Path) -> str:
    """`yes`, `no`, or `wait` while it is starting up, recovering, shutting down or very busy."""
    try:
        psycopg.connect(host=str(folder), user=ROLE, dbname="postgres", connect_timeout=5).close()
    except psycopg.errors.ConnectionTimeout:
        return "wait"
    except psycopg.OperationalError as error:
        if "FATAL:" not in str(error):
            return "no"
        # It lives: a server with all its connections taken is no reason to start another.
        return "wait" if "the database system is" in str(error) else "yes"
    return "yes"


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
