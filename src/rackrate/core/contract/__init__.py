"""Contracts: commitments over intervals, terms, amendments, deliveries, and the payment plan.

>>> from rackrate.core.contract import more, When, schedule
"""

from rackrate.core.contract.amend import (
    Amended,
    Newer,
    When,
    end_early,
    extend,
    fewer,
    months_later,
    more,
    renew,
    swap,
)
from rackrate.core.contract.commitment import (
    Commitment,
    CommitmentKind,
    Part,
    month_values,
    month_weights,
)
from rackrate.core.contract.delivery import (
    Delivery,
    batches,
    damages_of,
    days_late_of,
    delivery_id,
    paid_parts,
)
from rackrate.core.contract.schedule import Instalment, Schedule, schedule, value_of
from rackrate.core.contract.signed import Amendment, AmendmentKind, Contract, Opening
from rackrate.core.contract.terms import (
    Acceptance,
    Damages,
    EarlyEnd,
    Renewal,
    Terms,
    UpgradeRight,
)

__all__ = [
    "Acceptance",
    "Amended",
    "Amendment",
    "AmendmentKind",
    "Commitment",
    "CommitmentKind",
    "Contract",
    "Damages",
    "Delivery",
    "EarlyEnd",
    "Instalment",
    "Newer",
    "Opening",
    "Part",
    "Renewal",
    "Schedule",
    "Terms",
    "UpgradeRight",
    "When",
    "batches",
    "damages_of",
    "days_late_of",
    "delivery_id",
    "end_early",
    "extend",
    "fewer",
    "month_values",
    "month_weights",
    "months_later",
    "more",
    "paid_parts",
    "renew",
    "schedule",
    "swap",
    "value_of",
]
