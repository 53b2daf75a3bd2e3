"""`rackrate apply`: files say what there should be; what changes is shown before it does."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from rackrate.cli.client import Row, connect
from rackrate.cli.failure import Failure, Usage
from rackrate.cli.shape import command
from rackrate.cli.table import Column, Format, Output, print_json, print_table, state

apply = command()

CHANGES = (
    Column("", lambda row: row["action"], style=state),
    Column("KIND", lambda row: row["kind"]),
    Column("ID", lambda row: row["id"]),
    Column("WHAT", lambda row: row["what"]),
)
MOST_SHOWN = 200


@apply.command()
def _apply(
    named: Annotated[
        list[str], typer.Option("--file", "-f", help="A YAML file, a folder of them, or - (stdin).")
    ],
    more: Annotated[
        list[str] | None, typer.Argument(metavar="[FILE]…", help="More of them.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would change.")
    ] = False,
    output: Output = Format.TABLE,
) -> None:
    """Make the cloud as files say: all of them, or, when anything is wrong, none."""
    client = connect()
    files = _files([*named, *(more or ())])
    body = {"files": [{"name": name, "text": _read(name)} for name in files]}
    # What is shown is exactly what a moment later is asked for.
    shown = client.post("/v1/apply", {**body, "dry_run": True})
    changes = shown["changes"]
    if output is Format.TABLE:
        _show(changes)
    if dry_run or not changes:
        if output is Format.JSON:
            print_json(shown)
        return
    if not yes:
        _ask(len(changes), "-" in files)
    done = client.post("/v1/apply", {**body, "dry_run": False})
    if output is Format.JSON:
        print_json(done)
    else:
        print(f"Applied: {_counted(done['changes'])}.")


def _files(named: list[str]) -> list[str]:
    """Each file once; a folder stands for the YAML files in it."""
    files: dict[str, None] = {}
    for name in named:
        inside = sorted(p for p in Path(name).glob("*.y*ml")) if Path(name).is_dir() else [name]
        if not inside:
            raise Usage(f"there is no YAML file in {name}")
        files |= dict.fromkeys(str(path) for path in inside)
    return list(files)


def _read(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text()
    except OSError as error:
        raise Usage(f"{name} cannot be read: {error.strerror}") from None
    except UnicodeError:
        raise Failure(f"{name} is not text in UTF-8", "invalid") from None


def _ask(count: int, stdin_is_taken: bool) -> None:
    if stdin_is_taken or not sys.stdin.isatty():
        raise Usage("nobody is there to be asked; look with --dry-run, then say --yes")
    if not typer.confirm(f"Make {'this change' if count == 1 else f'these {count} changes'}?"):
        raise typer.Abort


def _show(changes: list[Row]) -> None:
    """Rows of one document that read alike are shown as one: `count: 64` is one line."""
    grouped: dict[tuple[str, str, str, str], list[str]] = {}
    for change in changes:
        what = _what(change)
        key = (change["action"], change["kind"], what, change["source"])
        grouped.setdefault(key, []).append(str(change["id"]))
    rows = [
        {"action": action, "kind": kind, "id": _ids(ids), "what": what}
        for (action, kind, what, _), ids in grouped.items()
    ]
    print_table(CHANGES, rows[:MOST_SHOWN], "Everything is already as the files say.")
    if len(rows) > MOST_SHOWN:
        print(f"… and {len(rows) - MOST_SHOWN} more lines; --output json has all")


def _ids(ids: list[str]) -> str:
    return ids[0] if len(ids) == 1 else f"{ids[0]} to {ids[-1]} ({len(ids)})"


def _what(change: Row) -> str:
    fields = change["fields"]
    if change["action"] == "change":
        return ", ".join(f"{one['name']}: {one['old']} -> {one['new']}" for one in fields)
    return ", ".join(f"{one['name']} {one['new']}" for one in fields)


def _counted(changes: list[Row]) -> str:
    counts: dict[str, int] = {}
    for change in changes:
        counts[change["action"]] = counts.get(change["action"], 0) + 1
    return ", ".join(f"{count} x {action}" for action, count in counts.items()) or "no change"
