"""Reading the books: balances and entries. Nothing here writes."""

from datetime import datetime

from rackrate.app.world import World, reading
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import EntityId
from rackrate.core.inventory import Entity
from rackrate.core.ledger import Balance, Entry


def balances(
    world: World, actor: Actor, entity: EntityId, until: datetime | None = None
) -> tuple[Balance, ...]:
    """The entity's accounts by customer and currency, of everything before `until`."""
    with reading(world, actor, Verb.LEDGER_READ, Target("ledger", entity)) as tx:
        tx.get(Entity, entity)
        return tx.balances(entity, until)


def entries(
    world: World, actor: Actor, entity: EntityId, after: str = "", limit: int | None = None
) -> list[Entry]:
    """The journal, in the order of entry ids (which are made from causes)."""
    with reading(world, actor, Verb.LEDGER_READ, Target("ledger", entity)) as tx:
        tx.get(Entity, entity)
        return tx.find(Entry, entity=entity, after=after, limit=limit)


def journal(world: World, actor: Actor, entity: EntityId) -> list[Entry]:
    """The whole journal in order of time."""
    return sorted(entries(world, actor, entity), key=lambda entry: (entry.at, entry.id))


def entities(world: World, actor: Actor) -> list[Entity]:
    """The sellers of record."""
    with reading(world, actor, Verb.CATALOGUE_READ, Target("catalogue")) as tx:
        return tx.find(Entity)


def the_entity(world: World, actor: Actor, named: str | None) -> EntityId:
    """The entity of that name, or the only one there is."""
    known = entities(world, actor)
    ids = [entity.id for entity in known]
    if named is not None and named in ids:
        return EntityId(named)
    if named is None and len(ids) == 1:
        return ids[0]
    raise Refused(Reason.INVALID, f"say which entity: {', '.join(ids) or 'there is none yet'}")
