"""Contracts: commitments over intervals, terms, amendments, deliveries, and the payment plan.

>>> from rackrate.core.contract import more, When, schedule
"""

from rackrate.core.contract.amend import (
    end_early,
    extend,
    extendable,
    fewer,
    longer_by,
    more,
    renew,
    renewable,
)
from rackrate.core.contract.amended import Amended, When
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
    chain,
    damages_of,
    days_late_of,
    delivery_id,
    paid_parts,
    still_to_come,
)
from rackrate.core.contract.renewal import (
    RenewalState,
    held_renewal,
    months_later,
    renewal_state,
    would_renew,
)
from rackrate.core.contract.rhythm import Rhythm, last_month
from rackrate.core.contract.schedule import Instalment, Schedule, schedule, value_of
from rackrate.core.contract.signed import Amendment, AmendmentKind, Contract, Opening
from rackrate.core.contract.swap import Newer, swap
from rackrate.core.contract.terms import (
    Acceptance,
    Damages,
    EarlyEnd,
    Every,
    InvoicedIn,
    PaymentTerm,
    Prepaid,
    Renewal,
    Terms,
    UpgradeRight,
)
from rackrate.core.contract.usable import check_usable

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
    "Every",
    "Instalment",
    "InvoicedIn",
    "Newer",
    "Opening",
    "Part",
    "PaymentTerm",
    "Prepaid",
    "Renewal",
    "RenewalState",
    "Rhythm",
    "Schedule",
    "Terms",
    "UpgradeRight",
    "When",
    "batches",
    "chain",
    "check_usable",
    "damages_of",
    "days_late_of",
    "delivery_id",
    "end_early",
    "extend",
    "extendable",
    "fewer",
    "held_renewal",
    "last_month",
    "longer_by",
    "month_values",
    "month_weights",
    "months_later",
    "more",
    "paid_parts",
    "renew",
    "renewable",
    "renewal_state",
    "schedule",
    "still_to_come",
    "swap",
    "value_of",
    "would_renew",
]
