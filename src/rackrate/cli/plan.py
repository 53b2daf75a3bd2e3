"""`rackrate plan`: what a cluster and its contract return, by the billing of production."""

from pathlib import Path
from typing import Annotated, Any

import typer

from rackrate.cli.failure import Failure
from rackrate.cli.local import own_words
from rackrate.cli.shape import noun
from rackrate.cli.table import Format, Output, print_json

plan = noun("What a cluster and its contract return.")
File = Annotated[Path, typer.Argument(metavar="FILE", help="A YAML file, as examples/plans has.")]


@plan.command("run")
def run_(
    file: File,
    scenario: Annotated[str, typer.Option(help="Only this one of the file's scenarios.")] = "",
    output: Output = Format.TABLE,
) -> None:
    """Sign the plan's contract, bill every month of it, and read the return off the books."""
    with own_words():
        from rackrate.cli import plan_report
        from rackrate.core.economics import evidence, parse_plan
        from rackrate.sim.plan import run_case

        parsed = parse_plan(read_yaml(file))
        if scenario and scenario not in parsed.cases:
            raise Failure(f"{file} has no scenario {scenario!r}: {', '.join(parsed.cases)}")
        names = [scenario] if scenario else list(parsed.cases)
        outcomes = {name: run_case(parsed.cases[name]) for name in names}
        rows = evidence(parsed)
    if output is Format.JSON:
        print_json(plan_report.document(parsed, outcomes, rows))
    else:
        plan_report.show(parsed, outcomes, rows)


def read_yaml(file: Path) -> Any:
    """The one document of a file; a Failure with the line where it is none."""
    import yaml

    try:
        return yaml.safe_load(file.read_text())
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}", "invalid") from None
    except UnicodeError:
        raise Failure(f"{file} is not text in UTF-8", "invalid") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{file}:{mark.line + 1}" if mark else f"{file}"
        what = getattr(error, "problem", None) or "not YAML"
        raise Failure(f"{place}: not YAML: {what}", "invalid") from None
