"""The program `rackrate`: finds the command, loads only that, and answers with an exit code."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from rackrate.cli.failure import Failure

# Section, then command: module that has it, and what it is for. Only what is run is imported.
SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Leases": {
        "lease": ("lease", "Start, stop, watch and enter leases."),
        "sku": ("catalogue", "What can be leased, with stock now."),
        "price": ("catalogue", "The price book."),
        "chip": ("catalogue", "The chip catalogue, dense and sparse FLOPS apart."),
        "key": ("access", "SSH keys of a project."),
        "address": ("address", "Public addresses of a project."),
        "reading": ("reading", "What meters outside have counted: egress."),
    },
    "Customers and money": {
        "customer": ("customers", "Who buys."),
        "project": ("customers", "A customer's folders of leases."),
        "member": ("access", "Who may do what."),
        "quote": ("quote", "Offers that hold capacity: create, sign, extend, withdraw."),
        "contract": ("contract_use", "Signed capacity: sign, show, amend, deliver."),
        "invoice": ("explain", "Preview, close a month, look, explain, pay, void."),
        "draft": ("draft", "Lines and credits that two people make."),
        "payment": ("receivable", "Money that came in: receive, allocate, pay back."),
        "receivable": ("receivable", "What is open, how late it is, and reminders."),
        "terms": ("terms", "Days to pay, purchase orders, interest, reminders."),
        "budget": ("budget", "What a month may cost: told at 50, 80, 100 %; stopped."),
        "rate": ("rate", "Rates between currencies: set, list, check."),
        "wallet": ("wallet", "Customers that pay ahead: open, top up, show, close."),
        "ledger": ("ledger", "The books: balances, entries, export."),
        "channel": ("channel", "Where you are told: e-mail, webhooks, chats."),
        "notification": ("channel", "What was told, and whether it arrived."),
    },
    "Capacity": {
        "capacity": ("capacity", "What can be promised, from when, and what already is."),
        "maintenance": ("maintenance", "Work that is planned on machines, and reserves them."),
    },
    "Fleet": {
        "purchase": ("purchase", "Orders of nodes, from placed to in service."),
        "apply": ("apply", "Make the cloud as files say, after showing what changes."),
        "node": ("fleet", "Servers: list, show, drain, return, move."),
        "site": ("fleet", "Data centres."),
        "audit": ("audit", "Who did what, and what was refused."),
    },
    "Planning": {
        "replay": ("replay", "Run a trace of real jobs through the whole business."),
        "plan": ("plan", "What a cluster and its contract return."),
        "advise": ("advise", "Rent or own, for a customer."),
    },
    "This server, this user": {
        "up": ("up", "Run the cloud."),
        "backup": ("backup", "Everything in one file."),
        "restore": ("backup", "Everything back from that file."),
        "login": ("login", "Say which server to use, and sign in."),
        "whoami": ("login", "Who is signed in, where, with which grants."),
        "token": ("token", "API tokens: create, list, revoke, recover."),
    },
}
COMMANDS = {name: what for section in SECTIONS.values() for name, what in section.items()}


class Root(TyperGroup):
    """All commands by name; each is imported when it is called, and not to be listed."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        # Typos are compared with these names.
        self.commands = dict.fromkeys(COMMANDS, self)

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"rackrate.cli.{COMMANDS[cmd_name][0]}")
        return get_command(getattr(module, cmd_name))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(name, what[1]) for name, what in commands.items()])


app = typer.Typer(cls=Root, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def rackrate(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version and stop."),
) -> None:
    """Runs a GPU cloud: contract, capacity, machine, meter, invoice, ledger and return as one.

    The server is the one of `rackrate login`, or of RACKRATE_URL and RACKRATE_TOKEN.
    """
    if version:
        from rackrate import __version__

        print(f"rackrate {__version__}")
    elif context.invoked_subcommand is None:
        print(context.get_help())


def run(arguments: Sequence[str]) -> int:
    """Do it; the exit code is 0 when it is done, 1 when it was refused, 2 for a wrong command."""
    try:
        code = get_command(app).main(list(arguments), prog_name="rackrate", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except Failure as failure:
        print(f"rackrate: {failure}", file=sys.stderr)
        return failure.code
    except typer.TyperException as wrong:
        print(f"rackrate: {_said(wrong)}", file=sys.stderr)
        return 2
    except typer.Abort:
        print("rackrate: stopped; nothing was changed", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read this has enough. Nothing may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except OSError as error:
        named = f"{error.filename}: " if error.filename else ""
        print(f"rackrate: {named}{error.strerror or error}", file=sys.stderr)
        return 1


def _said(wrong: typer.TyperException) -> str:
    """A usage error as one sentence that ends with where to look."""
    context = getattr(wrong, "ctx", None)
    where = "rackrate" if context is None else str(context.command_path)
    sentence = " ".join(wrong.format_message().split()).rstrip(".")
    return f"{sentence[:1].lower()}{sentence[1:]}; see: {where} --help [usage]"


def main() -> None:
    sys.exit(run(sys.argv[1:]))
