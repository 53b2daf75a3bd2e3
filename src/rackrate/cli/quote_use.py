"""Lines and terms of use as files write them, as the server is asked for them."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from rackrate.cli.client import Row
from rackrate.cli.failure import Failure

METERED = ("flex", "use")
NAMES = ("holding", "rate", "per", "minimum", "each", "at", "rates", "skus")


def use_body(line: Mapping[str, Any], where: str, currency: str) -> Row:
    """What `kind: flex` and `kind: use` say of amounts and rates; nothing of other lines."""
    kind = line.get("kind")
    said = [name for name in NAMES if name in line]
    if kind not in METERED:
        if said:
            raise Failure(f"{where}: {said[0]} is of lines `kind: flex` or `kind: use`", "invalid")
        return {}
    if kind == "flex":
        rate = {"sku": line.get("sku"), "amount": f"{_exact(line, 'rate', where):f}"}
        rates: Row = {"rates": [{**rate, "unit": line.get("per", "gpu_hour")}]}
        if "holding" not in line:
            return {"use": {"rates": rates}}
        amount = _exact(line, "holding", where) * int(line.get("nodes", 0))
        return {"use": {"rates": rates}, "amount": _money(amount, currency)}
    least = _money(_exact(line, "minimum", where), currency)
    use = {"rates": rates_body(line, where), "true_up": line.get("each", "month")}
    return {"use": use, "amount": least}


def rates_body(part: Mapping[str, Any], where: str) -> Row:
    """`at: list` with `skus`, or `rates` of the contract."""
    rates = part.get("rates", [])
    if not isinstance(rates, list) or not all(isinstance(rate, dict) for rate in rates):
        raise Failure(
            f"{where}: rates is not a list such as [{{sku: SKU, amount: 9.50}}]", "invalid"
        )
    return {
        "rated": part.get("at", "contract"),
        "rates": [
            {
                "sku": rate.get("sku"),
                "amount": str(rate.get("amount")),
                "unit": rate.get("per", "gpu_hour"),
            }
            for rate in rates
        ],
        "skus": part.get("skus", []),
    }


def _exact(line: Mapping[str, Any], name: str, where: str) -> Decimal:
    try:
        return Decimal(str(line[name]))
    except (KeyError, InvalidOperation):
        raise Failure(f"{where}: say {name}, such as {name}: 9.50", "invalid") from None


def _money(amount: Decimal, currency: str) -> Row:
    return {"amount": f"{amount:f}", "currency": currency}
