"""Budgets: set, looked at by the loops now and then, told at half, at four fifths and when used up.

Use is rated as an invoice would, at most once in five minutes for a customer that has a budget.
What is under a contract neither counts nor stops.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from rackrate.app import outbox
from rackrate.app.credit import burns, used_in, with_tax
from rackrate.app.ports import Tx
from rackrate.app.stopping import ask_all
from rackrate.app.world import Locate, World, acting, confine, owned, reading, whose
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.budget import Budget, budget_id
from rackrate.core.errors import Invalid, Missing
from rackrate.core.grace import GRACE
from rackrate.core.ids import CustomerId, ProjectId
from rackrate.core.interval import Month
from rackrate.core.invoice import Line, LineKind
from rackrate.core.lease import EventKind, Lease, LeaseClass
from rackrate.core.money import Money
from rackrate.core.outbox import Topic
from rackrate.core.parties import Customer, Project

USED_UP = "the budget of this month is used up"


@dataclass(frozen=True, slots=True)
class NewBudget:
    """What is wanted of a budget of a customer, or of one of its projects."""

    customer: CustomerId
    project: ProjectId | None
    amount: Money
    stop: bool = False
    grace: timedelta = GRACE

    @property
    def id(self) -> str:
        return budget_id(self.customer, self.project)


def set_budget(world: World, actor: Actor, new: NewBudget) -> Budget:
    """From now on. Another amount is told of anew, and has its own grace."""
    target = Target("customer", new.customer, new.customer)
    with acting(world, actor, Verb.BUDGET_WRITE, target) as tx:
        customer = tx.get(Customer, new.customer)
        _check(tx, customer, new)
        id, now = new.id, world.clock.now()
        old, month = tx.peek(Budget, id), Month.of(now, customer.time_zone)
        try:
            budget = Budget(
                id, customer.id, new.project, new.amount, new.stop, new.grace, month,
                Money.zero(customer.currency),
            )  # fmt: skip
        except ValueError as error:
            raise Invalid("", str(error)) from None
        if old is not None and old.amount == new.amount and old.month == month:
            budget = replace(budget, told=old.told)
            if old.grace == new.grace and new.stop:
                budget = replace(budget, stops=old.stops)
        budget = replace(budget, spent=_spent(world, tx, budget, customer))
        tx.put(budget)
        return budget


def _check(tx: Tx, customer: Customer, new: NewBudget) -> None:
    if new.amount.currency != customer.currency:
        raise Invalid("amount", f"{customer.id} pays in {customer.currency}")
    if new.project is not None and tx.get(Project, new.project).customer != customer.id:
        raise Missing("project", new.project)


def remove(world: World, actor: Actor, id: str) -> Budget:
    """There is none any more; what was stopped stays stopped."""
    with acting(world, actor, Verb.BUDGET_WRITE, _owner(id)) as tx:
        budget = tx.get(Budget, id)
        tx.remove(Budget, id)
        return budget


def show(world: World, actor: Actor, id: str) -> Budget:
    """A budget with what the month has used of it now."""
    with reading(world, actor, Verb.INVOICE_READ, _owner(id)) as tx:
        confine(tx, actor)
        budget = tx.get(Budget, id)
        customer = tx.get(Customer, budget.customer)
        month = Month.of(world.clock.now(), customer.time_zone)
        return replace(budget, month=month, spent=_spent(world, tx, budget, customer))


def find(world: World, actor: Actor, customer: CustomerId | None = None) -> list[Budget]:
    """Budgets, with what was used of them when they were last looked at."""
    customer = whose(actor, customer)
    target = Target("customer", customer or "", customer)
    with reading(world, actor, Verb.INVOICE_READ, target) as tx:
        confine(tx, actor)
        return tx.find(Budget) if customer is None else tx.find(Budget, customer=customer)


def due(world: World, tx: Tx) -> list[str]:
    """Budgets that it is time to look at."""
    found, now = tx.find(Budget), world.clock.now()
    zones = {each: tx.get(Customer, each).time_zone for each in {b.customer for b in found}}
    return [b.id for b in found if b.due(now, Month.of(now, zones[b.customer]))]


def look_at(world: World, tx: Tx, id: str) -> None:
    """Rate what was used, tell what must be told, and stop what has had its notice."""
    budget = tx.get(Budget, id)
    customer, now = tx.get(Customer, budget.customer), world.clock.now()
    month = Month.of(now, customer.time_zone)
    after = budget.seen(_spent(world, tx, budget, customer), month, now)
    before = budget.told if budget.month == month else 0
    if after.told > before or (after.stops is not None and after.stops != budget.stops):
        _tell(world, tx, after)
    tx.put(after)
    if after.stopping(now):
        _stop(world, tx, after)


def _tell(world: World, tx: Tx, budget: Budget) -> None:
    cause = f"budget/{budget.id}/{budget.month}/{budget.amount.minor}/{budget.told}"
    facts = _facts(budget)
    if budget.stops is not None:
        facts["until"] = budget.stops.isoformat()
        cause = f"{cause}/stop/{facts['until']}"
    if not outbox.was_told(tx, cause):
        topic = Topic.BUDGET_REACHED if budget.stops is None else Topic.BUDGET_STOPS
        outbox.tell(world, tx, topic, budget.customer, cause, facts)


def _facts(budget: Budget) -> dict[str, str]:
    return {
        "budget": budget.id,
        "month": str(budget.month),
        "percent": str(budget.percent),
        "spent": f"{budget.spent.amount:f}",
        "amount": f"{budget.amount.amount:f}",
        "currency": budget.amount.currency,
    }


def _stop(world: World, tx: Tx, budget: Budget) -> None:
    """Stopped, not ended: volumes stay. One that is started again is stopped again."""
    scope: dict[str, Any] = {"customer": budget.customer, "live": True}
    if budget.project is not None:
        scope["project"] = budget.project
    found = [lease for lease in tx.find(Lease, **scope) if burns(lease)]
    stopped = ask_all(world, tx, found, EventKind.STOP_REQUESTED, burns, USED_UP)
    if stopped:
        facts = _facts(budget) | {"leases": " ".join(each.lease for each in stopped)}
        first = f"{stopped[0].lease}/{stopped[0].seq}"
        cause = f"budget/{budget.id}/{budget.month}/stopped/{first}"
        outbox.tell(world, tx, Topic.BUDGET_STOPPED, budget.customer, cause, facts)


def _spent(world: World, tx: Tx, budget: Budget, customer: Customer) -> Money:
    """What is used on demand, and kept, in the month so far."""
    now = world.clock.now()
    lines = used_in(tx, customer, Month.of(now, customer.time_zone), now)
    used = [line for line in lines if line.kind is LineKind.USAGE and _counts(line)]
    return with_tax(customer, _within(tx, used, budget.project))


def _counts(line: Line) -> bool:
    """What a month costs by its use: not what a contract agrees a minimum of, or has prepaid."""
    return line.contract is None or line.klass is LeaseClass.FLEX


def _within(tx: Tx, lines: Iterable[Line], project: ProjectId | None) -> list[Line]:
    """Those of one project; of all where it is None."""
    if project is None:
        return list(lines)
    leases = {lease.id for lease in tx.find(Lease, project=project)}
    return [line for line in lines if line.project == project or line.lease in leases]


def _owner(id: str) -> Locate:
    return owned("budget", Budget, id)
