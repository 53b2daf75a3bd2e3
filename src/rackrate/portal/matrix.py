"""The matrix of contract prices: rows by term, columns by volume, and which cell is applied."""

from typing import Any

from rackrate.core.contract_price import ContractPrice, Tier
from rackrate.core.quote import lowest


def matrix_of(
    price: ContractPrice, applied: Tier | None = None, floors: bool = False
) -> dict[str, Any]:
    """What `matrix_of` of `parts/quote_parts.html` shows. With `floors`, each cell also says what
    one person may go down to alone.
    """
    rows = [
        (
            months,
            [
                (
                    price.cell(months, nodes).amount,
                    (months, nodes),
                    lowest(price, months, 1, nodes) if floors else None,
                )
                for nodes in price.volumes
            ],
        )
        for months in price.months
    ]
    place = None if applied is None else (applied.months, applied.nodes)
    return {"price": price, "rows": rows, "volumes": price.volumes, "applied": place}
