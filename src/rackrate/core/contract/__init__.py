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
from rackrate.core.contract.coherent import check_coherent
from rackrate.core.contract.commitment import (
    OF_NODES,
    Commitment,
    CommitmentKind,
    Part,
)
from rackrate.core.contract.cost import (
    Costing,
    agreed_anew,
    cost_at,
    mean_month,
    month_values,
    month_weights,
    with_month,
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
from rackrate.core.contract.minimum import Period, periods
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
from rackrate.core.contract.swap import Newer, check_swappable, swap
from rackrate.core.contract.terms import (
    Acceptance,
    Broken,
    Damages,
    EarlyEnd,
    Every,
    Indexation,
    InvoicedIn,
    PaymentTerm,
    Prepaid,
    Renewal,
    Step,
    Terms,
    UpgradeRight,
)
from rackrate.core.contract.usable import check_usable
from rackrate.core.contract.use import Left, Overage, Rate, RatedAt, Rates, TrueUp, Use

__all__ = [
    "OF_NODES",
    "Acceptance",
    "Amended",
    "Amendment",
    "AmendmentKind",
    "Broken",
    "Commitment",
    "CommitmentKind",
    "Contract",
    "Costing",
    "Damages",
    "Delivery",
    "EarlyEnd",
    "Every",
    "Indexation",
    "Instalment",
    "InvoicedIn",
    "Left",
    "Newer",
    "Opening",
    "Overage",
    "Part",
    "PaymentTerm",
    "Period",
    "Prepaid",
    "Rate",
    "RatedAt",
    "Rates",
    "Renewal",
    "RenewalState",
    "Rhythm",
    "Schedule",
    "Step",
    "Terms",
    "TrueUp",
    "UpgradeRight",
    "Use",
    "When",
    "agreed_anew",
    "batches",
    "chain",
    "check_coherent",
    "check_swappable",
    "check_usable",
    "cost_at",
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
    "mean_month",
    "month_values",
    "month_weights",
    "months_later",
    "more",
    "paid_parts",
    "periods",
    "renew",
    "renewable",
    "renewal_state",
    "schedule",
    "still_to_come",
    "swap",
    "value_of",
    "with_month",
    "would_renew",
]
