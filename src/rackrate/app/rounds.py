"""What every full pass does about money: budgets, wallets and what they stop; reminders.

Each in a transaction of its own: what fails is looked at again by the next pass.
"""

from collections.abc import Callable, Iterable

from rackrate.app import budgets, draining, receivables, trials
from rackrate.app.ports import Tx
from rackrate.app.world import World
from rackrate.core.errors import RackrateError
from rackrate.core.ids import EntityId

Act = Callable[[World, Tx, str], None]


def go(world: World, still_leads: Callable[[Tx], None]) -> None:
    """One round. `still_leads` refuses what another leader is to do by now."""
    with world.store.transaction() as tx:
        spent, held = budgets.due(world, tx), draining.due(world, tx)
        entities = receivables.to_remind(world, tx)
    _each(world, still_leads, spent, budgets.look_at)
    _each(world, still_leads, held, draining.look_at)
    _each(world, still_leads, entities, _daily)
    with world.store.transaction() as tx:
        over = draining.used_up(tx)
    _each(world, still_leads, over, draining.carry_out)


def _daily(world: World, tx: Tx, id: str) -> None:
    """What people are written to about once a day, of one entity."""
    receivables.remind_today(world, tx, id)
    trials.tell(world, tx, EntityId(id))


def _each(world: World, still_leads: Callable[[Tx], None], ids: Iterable[str], act: Act) -> None:
    for id in ids:
        try:
            with world.store.transaction() as tx:
                still_leads(tx)
                act(world, tx, id)
        except RackrateError:
            continue  # Set anew or taken away just now, or use without a price.
