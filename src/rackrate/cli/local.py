"""What commands share that work on this machine's own data and need no server."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from rackrate.cli.failure import Failure, Usage

Data = Annotated[
    Path, typer.Option(envvar="RACKRATE_DATA", help="The folder with all that this server knows.")
]
Database = Annotated[
    str,
    typer.Option(
        metavar="URL", envvar="RACKRATE_DATABASE", help="Your own PostgreSQL, not the one in data."
    ),
]


def home() -> Path:
    """Where a server's data is when nobody says."""
    folder = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return Path(folder) / "rackrate"


HOME = home()


@contextmanager
def own_words() -> Iterator[None]:
    """What the program itself refuses, said as any other refusal is."""
    from rackrate.core.errors import RackrateError

    try:
        yield
    except RackrateError as error:
        first, *others = error.detail.splitlines()
        raise Failure(first, error.reason, lines=tuple(others)) from None


@contextmanager
def database_of(data: Path, url: str, alone: bool = False) -> Iterator[str]:
    """The connection string of a database that answers; with `alone`, that nobody else uses.

    The server in `data` is found running, or started for as long as this lasts.
    """
    if url:
        yield url
        return
    if not (data / "postgres").exists():
        raise Usage(f"{data} holds no Rackrate; name its folder with --data, or --database URL")
    from rackrate.core.errors import Reason, Refused
    from rackrate.db.embedded import Embedded

    server = Embedded(data)
    try:
        dsn = server.start()
    except Refused as refusal:
        if alone or refusal.reason is not Reason.IN_USE or not server.running():
            raise
        yield server.dsn
        return
    try:
        yield dsn
    finally:
        server.stop()
