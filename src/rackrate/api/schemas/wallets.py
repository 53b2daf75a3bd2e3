"""Wallets: what a customer pays ahead, and what is left of it."""

from datetime import datetime, timedelta

from pydantic import Field

from rackrate.api.schemas.money import Reference
from rackrate.api.schemas.parts import Id, Instant, Money, Schema
from rackrate.app import draining, wallets
from rackrate.core import wallet
from rackrate.core.grace import LONGEST_GRACE
from rackrate.core.ids import CustomerId

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class WalletRequest(Schema):
    """That a customer pays ahead, and what follows when nothing is left."""

    customer: Id
    low: Money = Field(description="Below this it is told that little is left")
    grace_hours: int = Field(
        default=24,
        ge=0,
        le=LONGEST_GRACE.days * 24,
        description="From the notice that it is empty until what is on demand is stopped",
    )
    keep_storage_days: int = Field(
        default=wallet.KEEP_STORAGE.days,
        ge=0,
        le=wallet.LONGEST_KEPT.days,
        description="From then until stopped leases end, and their volumes with them",
    )

    def new(self) -> wallets.NewWallet:
        return wallets.NewWallet(
            CustomerId(self.customer),
            self.low.value,
            timedelta(hours=self.grace_hours),
            timedelta(days=self.keep_storage_days),
        )


class TopUpRequest(Schema):
    """Money that has come in without an invoice."""

    amount: Money
    reference: Reference
    on: Instant | None = Field(
        default=None, description="When it came in, in a month that is open; left out: now"
    )


class CloseWalletRequest(Schema):
    reference: Reference = Field(description="Of the transfer with which the rest goes back")


class Wallet(Schema):
    """A wallet as of the last look at it, minutes to an hour ago."""

    customer: str
    opened: datetime
    closed: datetime | None
    low: Money
    grace_hours: int
    keep_storage_days: int
    left: Money
    stage: wallet.Stage = Field(
        description="fine, low, empty (it runs on until `stops`), stopped, ending (its volumes go "
        "soon), over"
    )
    stops: datetime | None = Field(description="When what is on demand is stopped")
    storage_until: datetime | None = Field(description="When stopped leases end, with volumes")

    @classmethod
    def of(cls, found: wallet.Wallet) -> "Wallet":
        return cls(
            customer=found.id,
            opened=found.opened,
            closed=found.closed,
            low=Money.of(found.low),
            grace_hours=found.grace // HOUR,
            keep_storage_days=found.keep_storage // DAY,
            left=Money.of(found.left),
            stage=found.stage,
            stops=found.stops,
            storage_until=found.ends,
        )


class Balance(Schema):
    """What a wallet has now, with tax. `left` is what is held, less what is open of invoices, less
    what was used and has no invoice yet.
    """

    held: Money = Field(description="Money that is allocated to nothing, as in the ledger")
    open: Money
    used: Money
    left: Money
    an_hour: Money = Field(description="What runs, and is kept, uses in an hour")
    lasts_s: int | None = Field(description="Seconds until it is empty; null: nothing uses it")

    @classmethod
    def of(cls, found: wallet.Balance) -> "Balance":
        return cls(
            held=Money.of(found.held),
            open=Money.of(found.open),
            used=Money.of(found.used),
            left=Money.of(found.left),
            an_hour=Money.of(found.hourly),
            lasts_s=None if found.lasts is None else int(found.lasts.total_seconds()),
        )


class Standing(Schema):
    wallet: Wallet
    balance: Balance

    @classmethod
    def of(cls, found: draining.Standing) -> "Standing":
        return cls(wallet=Wallet.of(found.wallet), balance=Balance.of(found.balance))


class Movement(Schema):
    """Money that came in (positive), or went: for an invoice, or back. `held` is what was held
    then, before what had no invoice yet.
    """

    at: datetime
    payment: str
    invoice: str
    reference: str
    amount: Money
    held: Money

    @classmethod
    def of(cls, found: wallets.Movement) -> "Movement":
        return cls(
            at=found.at,
            payment=found.source,
            invoice=found.invoice,
            reference=found.reference,
            amount=Money.of(found.amount),
            held=Money.of(found.held),
        )
