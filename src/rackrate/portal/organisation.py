"""Whose portal it is: the operator's, or a customer's; with its name and its time zone."""

from dataclasses import dataclass

from rackrate.app import books, customers
from rackrate.app.world import World
from rackrate.core.access import Actor
from rackrate.core.ids import CustomerId

SAMPLE = "(sample)"


@dataclass(frozen=True, slots=True)
class Organisation:
    """`customer` is None for those who work for the operator.

    `sample`: the seller says in its own name that it is one, and every page repeats it.
    """

    name: str
    time_zone: str
    currency: str
    customer: CustomerId | None = None
    sample: bool = False

    @property
    def initials(self) -> str:
        words = self.name.replace("-", " ").split()
        return "".join(word[0] for word in words[:2]).upper()


def organisation_of(world: World, actor: Actor) -> Organisation:
    """The first entity for the operator's people; their customer for the others.

    Who may not read its customer's row sees its id, and the entity's zone and currency.
    """
    entities = books.entities(world, actor)
    first = entities[0] if entities else None
    zone, currency = ("UTC", "USD") if first is None else (first.time_zone, first.currency)
    sample = first is not None and first.name.endswith(SAMPLE)
    if actor.operator or not actor.customers:
        name = "Rackrate" if first is None else first.name
        return Organisation(name, zone, currency, None, sample)
    mine = customers.list_customers(world, actor, limit=1)
    if not mine:
        id = min(actor.customers)
        return Organisation(id, zone, currency, id, sample)
    own = mine[0]
    return Organisation(own.name, own.time_zone, own.currency, own.id, sample)
