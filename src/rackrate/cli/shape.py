"""How every group of commands is made, so that all behave alike and load nothing early."""

import sys

import typer


def noun(help: str) -> typer.Typer:
    """A group `rackrate NOUN`. Without a verb it says which there are."""
    app = command()

    @app.callback(invoke_without_command=True, help=help)
    def _(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            print(context.get_help(), file=sys.stderr)
            raise typer.Exit(2)

    return app


def command() -> typer.Typer:
    """Something that `rackrate` does by itself, such as `rackrate up`."""
    return typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
