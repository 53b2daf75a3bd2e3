"""When an instalment is invoiced: by month or quarter, before what it pays for or after it."""

from dataclasses import dataclass

from rackrate.core.contract.commitment import Commitment
from rackrate.core.contract.signed import Contract
from rackrate.core.contract.terms import Every, InvoicedIn, PaymentTerm
from rackrate.core.interval import Month

_MONTHS = {Every.MONTH: 1, Every.QUARTER: 3}


def last_month(contract: Contract, time_zone: str) -> Month:
    """The last month that the contract touches."""
    last = Month.of(contract.over, time_zone)
    return last.plus(-1) if contract.over == last.interval(time_zone).start else last


@dataclass(frozen=True, slots=True)
class Rhythm:
    """A contract's terms of payment on the calendar: quarters count from its `first` month.

    `last` is its last month as it is now: a quarter that it breaks is over with it.
    """

    payment: PaymentTerm
    first: Month
    last: Month

    @classmethod
    def of(cls, contract: Contract, time_zone: str) -> "Rhythm":
        start = min(each.during.start for each in contract.ordered(0))
        first = Month.of(start, time_zone)
        return cls(contract.terms.payment, first, last_month(contract, time_zone))

    def asked(self, commitment: Commitment, month: Month) -> Month:
        """In which month a month of a commitment is invoiced: with the close of the one before it.

        What is paid once is of its own month, whatever the others are.
        """
        length = _MONTHS[self.payment.every] if commitment.monthly else 1
        start = month.plus(-((_number(month) - _number(self.first)) % length))
        if self.payment.when is InvoicedIn.ADVANCE:
            return start
        end = start.plus(length - 1)
        return max(month, min(end, self.last)).plus(1)


def _number(month: Month) -> int:
    return month.year * 12 + month.month
