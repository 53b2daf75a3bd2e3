"""`rackrate backup` and `rackrate restore`: everything in one file, and back."""

from pathlib import Path
from typing import Annotated

import typer

from rackrate.cli.failure import Failure
from rackrate.cli.local import HOME, Data, Database, database_of, own_words
from rackrate.cli.shape import command

backup = command()
restore = command()
File = Annotated[Path, typer.Argument(metavar="FILE")]


@backup.command()
def _backup(file: File, data: Data = HOME, database: Database = "") -> None:
    """Write everything as of this instant to a file. The server may go on running."""
    from rackrate.db import backup as archive

    with own_words(), database_of(data, database) as dsn:
        size = archive.backup(dsn, file)
    print(f"{file} holds everything, in {size:,} bytes; back with: rackrate restore {file}")


@restore.command()
def _restore(
    file: File,
    data: Data = HOME,
    database: Database = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Even though the database holds something.")
    ] = False,
) -> None:
    """Make the database what the file says: all of it, or nothing. The server is stopped first."""
    with own_words():
        if not database:
            data.mkdir(parents=True, exist_ok=True, mode=0o700)
            (data / "postgres").mkdir(exist_ok=True, mode=0o700)
        with database_of(data, database, alone=True) as dsn:
            _replace(dsn, file, replace)
    print(f"Everything of {file} is back; go on with: rackrate up")


def _replace(dsn: str, file: Path, replace: bool) -> None:
    from rackrate.core.errors import Reason, Refused
    from rackrate.db import backup as archive

    try:
        archive.restore(dsn, file, replace=replace)
    except Refused as refusal:
        if replace or refusal.reason is not Reason.IN_USE:
            raise
        raise Failure(f"{refusal.detail}, with --replace", refusal.reason) from None
