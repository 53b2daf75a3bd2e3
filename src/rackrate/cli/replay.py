"""`rackrate replay`: a trace of real jobs through the whole business, on a virtual clock."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rackrate.cli.failure import Failure, Usage
from rackrate.cli.local import own_words
from rackrate.cli.shape import command
from rackrate.cli.table import Format, Output, print_json

if TYPE_CHECKING:
    from rackrate.sim.traces import Job

replay = command()
FLEET = Path(__file__).parents[3] / "examples" / "fleets" / "philly-352.yaml"
PUBLISHED = 82_247


@replay.command()
def _replay(
    trace: Annotated[
        Path | None, typer.Argument(metavar="[TRACE]", help="A CSV as philly_jobs.csv is.")
    ] = None,
    fleet: Annotated[
        Path, typer.Option(metavar="FILE", help="Entity, nodes, SKU and price to run it on.")
    ] = FLEET,
    synthetic: Annotated[
        bool, typer.Option("--synthetic", help="Draw jobs to the shape of the Philly trace.")
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, help="How many to draw.")] = PUBLISHED,
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same jobs.")] = 1,
    html: Annotated[Path | None, typer.Option(help="Write the report as a page, too.")] = None,
    output: Output = Format.TABLE,
) -> None:
    """Run jobs through leasing, metering, invoices and books; what does not fit is refused."""
    if synthetic == (trace is not None):
        raise Usage("name a trace to run, or say --synthetic to have one drawn")
    with own_words():
        from rackrate.cli import replay_page, replay_report
        from rackrate.sim.replay import replay as run

        demand, title = _demand(trace, jobs, seed)
        files = [(fleet.name, _text(fleet))]
        with _progress("Replaying") as progress:
            report = run(demand, files, progress)
    if html is not None:
        html.write_text(replay_page.page(report, title), encoding="utf-8")
    if output is Format.JSON:
        print_json(replay_report.document(report, title))
    else:
        replay_report.show(report, title)
    if html is not None:
        print(f"The report as a page: {html}", file=sys.stderr)


def _demand(trace: Path | None, count: int, seed: int) -> "tuple[list[Job], str]":
    from rackrate.sim.traces import draw_jobs, read_jobs

    if trace is None:
        return draw_jobs(count, seed), f"{count:,} drawn jobs (not real), seed {seed}"
    return read_jobs(trace), f"Trace {trace.name}"


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError as error:
        raise Failure(f"the fleet {file} cannot be read: {error.strerror}", "invalid") from None


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on a terminal; nothing where another program reads."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
