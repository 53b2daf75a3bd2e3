"""What a replay comes to: use over time, refusals, revenue, invoices, and whether books balance."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from rackrate.app.world import World
from rackrate.core.interval import Month
from rackrate.core.inventory import Entity
from rackrate.core.invoice import Invoice, InvoiceLine
from rackrate.core.ledger import Balance
from rackrate.core.rating import MILLI_SLOT_SECONDS_PER_HOUR
from rackrate.sim.traces import Job

AN_HOUR_S = 3600
A_DAY_S = 24 * AN_HOUR_S


@dataclass(frozen=True, slots=True)
class Refusals:
    """How many jobs one reason cost, and how many GPUs they asked for."""

    reason: str
    jobs: int
    gpus: int
    gpu_hours: Decimal


@dataclass(frozen=True, slots=True)
class MonthInvoiced:
    """The invoices that closing one month issued, in minor units."""

    month: Month
    invoices: int
    net: int
    tax: int
    gross: int


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a replay. Money is in minor units of `currency`, net unless it says gross.

    `utilisation` is the mean share of the fleet's GPUs in use, hour by hour from `start`.
    """

    jobs: int
    started: int
    refusals: tuple[Refusals, ...]
    gpus: int
    start: datetime
    end: datetime
    utilisation: tuple[float, ...]
    gpu_hours: Decimal
    currency: str
    revenue_by_customer: tuple[tuple[str, int], ...]
    revenue_by_sku: tuple[tuple[str, int], ...]
    months: tuple[MonthInvoiced, ...]
    balances: tuple[Balance, ...]

    @property
    def balanced(self) -> bool:
        """Whether all accounts together come to nothing, as double entry must."""
        return sum(balance.book.minor for balance in self.balances) == 0

    @property
    def mean_utilisation(self) -> float:
        return float(np.mean(self.utilisation)) if self.utilisation else 0.0


@dataclass(slots=True)
class Recorder:
    """Takes notes while a replay runs."""

    gpus: int
    start: datetime
    started: int = 0
    _moments: list[int] = field(default_factory=list)
    _levels: list[int] = field(default_factory=list)
    _refused: dict[str, list[int]] = field(default_factory=dict)
    _months: list[MonthInvoiced] = field(default_factory=list)

    def uses(self, at: datetime, gpus: int) -> None:
        """From `at` on so many GPUs are in use."""
        self.started += not self._levels or gpus > self._levels[-1]
        since = at - self.start
        self._moments.append(since.days * A_DAY_S + since.seconds)
        self._levels.append(gpus)

    def refused(self, reason: str, job: Job) -> None:
        sums = self._refused.setdefault(reason, [0, 0, 0])
        sums[0] += 1
        sums[1] += job.gpus
        sums[2] += job.gpus * job.seconds

    def closed(self, month: Month, invoices: Sequence[Invoice]) -> None:
        self._months.append(
            MonthInvoiced(
                month,
                len(invoices),
                sum(invoice.net.minor for invoice in invoices),
                sum(invoice.tax.minor for invoice in invoices),
                sum(invoice.gross.minor for invoice in invoices),
            )
        )

    def report(self, world: World, entity: Entity) -> Report:
        """Everything added up, from the invoices' own lines and from the books."""
        by_customer: dict[str, int] = {}
        by_sku: dict[str, int] = {}
        quantity = 0
        with world.store.transaction() as tx:
            for row in tx.find(InvoiceLine):
                net = row.line.net.minor
                by_customer[row.customer] = by_customer.get(row.customer, 0) + net
                by_sku[row.line.sku or ""] = by_sku.get(row.line.sku or "", 0) + net
                quantity += row.line.quantity
            balances = tx.balances(entity.id)
        end_s = self._moments[-1] if self._moments else 0
        refused = sum(sums[0] for sums in self._refused.values())
        return Report(
            self.started + refused,
            self.started,
            self._refusals(),
            self.gpus,
            self.start,
            self.start + timedelta(seconds=end_s),
            hourly(self._moments, self._levels, self.gpus),
            _hours(quantity, MILLI_SLOT_SECONDS_PER_HOUR),
            entity.currency,
            tuple(sorted(by_customer.items(), key=lambda item: -item[1])),
            tuple(sorted(by_sku.items(), key=lambda item: -item[1])),
            tuple(self._months),
            balances,
        )

    def _refusals(self) -> tuple[Refusals, ...]:
        return tuple(
            Refusals(reason, jobs, gpus, _hours(gpu_seconds, AN_HOUR_S))
            for reason, (jobs, gpus, gpu_seconds) in sorted(self._refused.items())
        )


def hourly(moments: Sequence[int], levels: Sequence[int], gpus: int) -> tuple[float, ...]:
    """The mean of a step function over each hour, as a share of `gpus`.

    `levels[i]` holds from second `moments[i]` until the next; after the last nothing is in use.
    """
    if not moments:
        return ()
    at = np.array(moments, np.int64)
    level = np.array(levels, np.float64)
    # The integral of the level up to each moment, then at each full hour, then the differences.
    area = np.concatenate([[0.0], np.cumsum(level[:-1] * np.diff(at))])
    hours = np.arange(0, at[-1] // AN_HOUR_S + 2) * AN_HOUR_S
    before = np.clip(np.searchsorted(at, hours, side="right") - 1, 0, len(at) - 1)
    inside = np.where(hours > at[-1], 0.0, level[before] * (hours - at[before]))
    upto = area[before] + inside
    upto[hours < at[0]] = 0.0
    return tuple(float(share) for share in np.diff(upto) / (AN_HOUR_S * gpus))


def _hours(quantity: int, per_hour: int) -> Decimal:
    return (Decimal(quantity) / per_hour).quantize(Decimal("0.001"))
