"""Topics: what one can be told about. Each has its words in `letter.py`, in every language."""

from enum import StrEnum


class Topic(StrEnum):
    """Stable: receivers of webhooks match on these."""

    INVOICE_ISSUED = "invoice.issued"
    CREDIT_NOTE_ISSUED = "credit_note.issued"
    INVOICE_OVERDUE = "invoice.overdue"
    LEASE_NOTICE = "lease.notice"
    LEASE_NOTICE_WITHDRAWN = "lease.notice_withdrawn"
    BUDGET_REACHED = "budget.reached"
    BUDGET_STOPS = "budget.stops"
    BUDGET_STOPPED = "budget.stopped"
    WALLET_LOW = "wallet.low"
    WALLET_EMPTY = "wallet.empty"
    WALLET_REFILLED = "wallet.refilled"
    WALLET_STOPPED = "wallet.stopped"
    WALLET_ENDING = "wallet.ending"
    WALLET_ENDED = "wallet.ended"
    PRICE_ENDS = "price.ends"
    PREPAYMENT_LOW = "prepayment.low"
    PROMISE_BROKEN = "promise.broken"
    CHANNEL_TEST = "channel.test"


# A test is chosen by nobody: it goes to the channel that is tested.
FOR_OPERATORS = tuple(topic for topic in Topic if topic is not Topic.CHANNEL_TEST)
FOR_CUSTOMERS = tuple(topic for topic in FOR_OPERATORS if topic is not Topic.PROMISE_BROKEN)
