"""How use under a contract is told: rates, what a balance has left, and minimums."""

from decimal import Decimal

from rackrate.cli.table import Column, Row, money

_PER = {"gpu_hour": "GPU-hour", "slot_hour": "slot-hour"}
MINIMUMS = (
    Column("COMMITMENT", lambda row: row["commitment"], right=True),
    Column("PERIOD", lambda row: row["period"]),
    Column("MINIMUM", lambda row: money(row["minimum"]), right=True),
    Column("USED", lambda row: money(row["used"]), right=True),
    Column("SHORTFALL", lambda row: money(row["shortfall"]), right=True),
)


def rates(row: Row) -> str:
    """At which prices, SKU by SKU."""
    if row["rated"] == "list":
        return f"{', '.join(row['skus']) or 'all SKUs'} at list prices"
    named = (f"{each['sku']} {each['amount']} per {_PER[each['unit']]}" for each in row["rates"])
    return ", ".join(named) or "at the contract's rates"


def each(row: Row) -> str:
    """What the amount of a commitment is for, where it has to do with use."""
    return f"{row['use']['true_up']}, at least" if row["kind"] == "use" else ""


def worth(row: Row) -> str:
    """What a contract comes to: its months, and what has to be used at least."""
    least = row["least_use"]
    if not least:
        return money(row["value"])
    whole = Decimal(row["value"]["amount"]) + Decimal(least["amount"])
    return f"{money({**least, 'amount': f'{whole:f}'})}, with its minimums of use"


def facts(row: Row) -> list[tuple[str, object]]:
    """Of a contract, as far as it has to do with use."""
    overage = row["terms"]["overage"]
    named = [each for each in row["commitments"] if each["use"]]
    found: list[tuple[str, object]] = [
        (f"Use, commitment {each['number']}", rates(each["use"]["rates"])) for each in named
    ]
    return [
        *found,
        ("Use, at least", money(row["least_use"]) if row["least_use"] else ""),
        ("Beyond that", rates(overage["rates"]) if overage else ""),
        ("Balance", _balance(row)),
    ]


def _balance(row: Row) -> str:
    stands, payment = row["balance"], row["terms"]["payment"]
    if stands is None:
        return ""
    left = f"{money(stands['left'])} of {money(stands['prepaid'])} is left"
    rest = {"refund": "paid back", "forfeit": "forfeited"}[payment["left"]]
    if stands["over"] and Decimal(stands["left"]["amount"]):
        return f"{money(stands['left'])} of {money(stands['prepaid'])} was not used, and is {rest}"
    return f"{left}; at the end the rest is {rest}"
