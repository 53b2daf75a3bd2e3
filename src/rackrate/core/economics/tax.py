"""Tax on profit and VAT, as cash: what is due when."""

from collections.abc import Sequence

from rackrate.core.economics.case import Excess, IncomeTax, Losses
from rackrate.core.money import half_up


def income_tax(profits: Sequence[int], tax: IncomeTax, last: int) -> tuple[int, ...]:
    """Tax due at the end of each assessment period, on the taxable profit since the one before.

    `profits[k]` is the taxable profit of month k; after month `last` every month is assessed.
    Losses are refunded at once (NREL SAM) or carried forward (the rule in China, where they
    lapse after five years, and elsewhere): economics.md section 7.
    """
    due, since, brought = [], 0, 0
    for month, profit in enumerate(profits):
        since += profit
        if month == 0 or (month % tax.every and month < last):
            due.append(0)
            continue
        taxable = since if tax.losses is Losses.REFUND else max(since - brought, 0)
        brought = 0 if tax.losses is Losses.REFUND else max(brought - since, 0)
        due.append(half_up(taxable * tax.rate))
        since = 0
    return tuple(due)


def vat_paid(
    output: Sequence[int], inputs: Sequence[int], excess: Excess, last: int
) -> tuple[int, ...]:
    """VAT paid to the tax office each month; a refund is negative.

    Output tax less input tax, the excess of input tax carried to the next month: the general
    method of China's VAT (input 13/113 of hardware, output 6 % for a service and 13 % for the
    lease of equipment: economics.md C7).
    """
    credit, paid = 0, []
    for month, (charged, borne) in enumerate(zip(output, inputs, strict=True)):
        credit += borne - charged
        if credit < 0 or (month == last and excess is Excess.REFUND):
            paid.append(-credit)
            credit = 0
        else:
            paid.append(0)
    return tuple(paid)
