"""What `rackrate lease start` asks for, read from its options."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from rackrate.cli.client import Client
from rackrate.cli.failure import Failure, Usage

Stopped = Annotated[str, typer.Argument(metavar="[LEASE]", help="A stopped lease to start again.")]
SkuName = Annotated[str, typer.Option("--sku", help="What to lease: rackrate sku list")]
Count = Annotated[int, typer.Option(min=1, help="Units of the SKU on each node.")]
Nodes = Annotated[int, typer.Option(min=1, help="Nodes of the gang: all or none.")]
Project = Annotated[
    str, typer.Option(envvar="RACKRATE_PROJECT", help="Needed only where there are several.")
]
Contract = Annotated[
    str, typer.Option(help="Whose reserved nodes to use, or at whose prices on demand.")
]
Overage = Annotated[
    bool,
    typer.Option("--overage", help="On demand, where the contract's nodes are in use."),
]
Klass = Annotated[
    str,
    typer.Option(
        "--class", help="on_demand, or spot: cheaper, and it makes room within minutes for others."
    ),
]
Name = Annotated[str, typer.Option(help="A name for people.")]
Image = Annotated[str, typer.Option(help="What to start from.")]
Command = Annotated[
    str, typer.Option(help="What to run, by the shell; left out: stay open to log in to.")
]
Env = Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="May be repeated.")]
Volumes = Annotated[
    list[str] | None,
    typer.Option(
        "--volume",
        metavar="NAME:/path[:GB]",
        help="A volume of the project, where, and the size that it is billed for.",
    ),
]
Ports = Annotated[
    list[int] | None, typer.Option("--port", min=1, max=65535, help="What it listens on.")
]
SshKeys = Annotated[
    list[str] | None,
    typer.Option("--ssh-key", metavar="FILE", help="A public key beside the project's own."),
]
SameBlock = Annotated[bool, typer.Option("--same-block", help="Only on one fabric block.")]
Wait = Annotated[bool, typer.Option("--wait", help="Until it runs, or cannot.")]
Timeout = Annotated[int, typer.Option(min=1, help="Seconds to wait at most.")]


def body(
    command: str, klass: str, contract: str, lists: Mapping[str, list[Any] | None]
) -> dict[str, object]:
    """What a new lease runs, and under which promise, as the server is asked for it."""
    return {
        "class": klass or (None if contract else "on_demand"),
        "contract": contract or None,
        "command": ["/bin/sh", "-c", command] if command else [],
        "env": dict(_pair(text) for text in lists["env"] or ()),
        "volumes": [_volume(text) for text in lists["volumes"] or ()],
        "ports": lists["ports"] or [],
        "ssh_keys": [read_key(name) for name in lists["ssh_keys"] or ()],
    }


def only_project(client: Client) -> str:
    """The project of somebody who has just one."""
    known = [str(row["id"]) for row in client.get("/v1/projects")["items"]]
    if len(known) == 1:
        return known[0]
    if known:
        raise Failure(f"say which project with --project: {', '.join(known[:12])}", "invalid")
    raise Failure("there is no project yet; make one with: rackrate project create", "missing")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise Usage(f"--env {text!r} is not NAME=VALUE")
    return name, value


def _volume(text: str) -> dict[str, object]:
    name, colon, rest = text.partition(":")
    path, sized, size = rest.rpartition(":")
    if not sized:
        path, size = rest, "0"
    if not name or not colon or not path.startswith("/") or not (size.isascii() and size.isdigit()):
        raise Usage(f"--volume {text!r} is not NAME:/path, or NAME:/path:GB as data:/data:500")
    return {"name": name, "path": path, "gb": int(size)}


def read_key(name: str) -> str:
    """The public key in a file; never a private one."""
    file = Path(name).expanduser()
    try:
        text = file.read_text().strip()
    except (OSError, UnicodeError):
        raise Usage(f"{name} cannot be read as a public key; ssh-keygen makes one") from None
    if "PRIVATE KEY" in text:
        raise Usage(f"{name} is a private key, which stays with you; name {name}.pub")
    return text
