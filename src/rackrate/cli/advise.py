"""`rackrate advise`: rent or own, from a customer's question in a file."""

from typing import TYPE_CHECKING, Any

from rackrate.cli.local import own_words
from rackrate.cli.plan import File, read_yaml
from rackrate.cli.shape import command
from rackrate.cli.table import Column, Format, Output, Row, print_facts, print_json, print_table

if TYPE_CHECKING:
    from rackrate.core.economics import Advice

advise = command()


@advise.command()
def _advise(file: File, output: Output = Format.TABLE) -> None:
    """Whether to rent or to own, in every way of counting, and where the answer turns round."""
    with own_words():
        from rackrate.cli import evidence_table
        from rackrate.core.economics import advise as answer
        from rackrate.core.economics import parse_question, rent_evidence

        advice = answer(parse_question(read_yaml(file)))
        rows = rent_evidence(advice)
    if output is Format.JSON:
        print_json({**_document(advice), "evidence": evidence_table.document(rows)})
        return
    _show(advice)
    evidence_table.show(rows)


def _document(advice: "Advice") -> dict[str, Any]:
    question = advice.question
    return {
        "name": question.name,
        "currency": question.currency,
        "conclusion": advice.conclusion,
        "comparisons": _comparisons(advice),
    }


def _comparisons(advice: "Advice") -> list[Row]:
    currency = advice.question.currency
    return [
        {
            "own": one.own.name,
            "days_per_year": one.days_per_year,
            "own_a_year": _money(one.own.yearly, currency),
            "rent_a_year": _money(one.rent.yearly, currency),
            "cheaper": one.cheaper,
            "break_even_utilisation": round(float(one.break_even_utilisation), 6),
            "break_even_price_per_gpu_day": _money(one.break_even_price, currency),
        }
        for one in advice.comparisons
    ]


def _money(value: Any, currency: str) -> dict[str, str]:
    from rackrate.core.money import Money

    return {"amount": f"{Money.rounded(value, currency).amount:f}", "currency": currency}


def _show(advice: "Advice") -> None:
    from fractions import Fraction

    from rackrate.core.economics.claims import Unit, shown

    question = advice.question
    need = question.need

    def short(value: dict[str, str]) -> str:
        return shown(Fraction(value["amount"]), Unit.MONEY, question.currency)

    conclusion = {"own": "Owning is cheaper.", "rent": "Renting is cheaper."}
    print(f"{question.name}: {conclusion.get(advice.conclusion, 'It depends on how one counts.')}")
    print()
    print_facts(
        [
            ("Need", f"{need.gpus:,} GPUs for {need.years} years"),
            ("In use", f"{float(need.utilisation):.0%} of the days"),
            ("Amounts in", question.currency),
        ]
    )
    print()
    columns = (
        Column("OWNING, COUNTED AS", lambda row: row["own"]),
        Column("DAYS", lambda row: row["days_per_year"], right=True),
        Column("OWN A YEAR", lambda row: short(row["own_a_year"]), right=True),
        Column("RENT A YEAR", lambda row: short(row["rent_a_year"]), right=True),
        Column("CHEAPER", lambda row: row["cheaper"]),
        Column("RENT BELOW", lambda row: f"{row['break_even_utilisation']:.1%}", right=True),
        Column("OWN ABOVE", lambda row: short(row["break_even_price_per_gpu_day"]), right=True),
    )
    print_table(columns, _comparisons(advice))
    print()
    print("RENT BELOW: use on fewer days than that. OWN ABOVE: a rent per GPU and day over that.")
