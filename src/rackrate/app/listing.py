"""Lists of what customers own, as somebody may see them."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rackrate.app.world import World, confine, reading, whose
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.ids import CustomerId

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """Rows of a `kind`, each of which is of a customer, in the order of their keys."""

    name: str
    kind: type[Row]
    verb: Verb
    newest_first: bool = True

    def find(
        self, world: World, actor: Actor, customer: CustomerId | None, after: str, limit: int | None
    ) -> list[Row]:
        """Those of a customer from beyond `after`; without one, all that the actor may see."""
        customer = whose(actor, customer)
        with reading(world, actor, self.verb, Target(self.name, "", customer)) as tx:
            confine(tx, actor)
            equal: dict[str, Any] = {} if customer is None else {"customer": customer}
            return tx.find(
                self.kind, after=after, limit=limit, newest_first=self.newest_first, **equal
            )
