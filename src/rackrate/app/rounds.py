"""What every full pass does about money: budgets, wallets and what they stop; reminders.

Each in a transaction of its own: what fails is looked at again by the next pass.
"""

from collections.abc import Callable, Iterable

from rackrate.app import budgets, receivables, wallets
from rackrate.app.ports import Tx
from rackrate.app.world import World
from rackrate.core.errors import RackrateError

Act = Callable[[World, Tx, str], None]


def go(world: World, still_leads: Callable[[Tx], None]) -> None:
    """One round. `still_leads` refuses what another leader is to do by now."""
    with world.store.transaction() as tx:
        spent, held = budgets.due(world, tx), wallets.due(world, tx)
        late = receivables.to_remind(world, tx)
    _each(world, still_leads, spent, budgets.look_at)
    _each(world, still_leads, held, wallets.look_at)
    _each(world, still_leads, late, receivables.remind_today)
    with world.store.transaction() as tx:
        over = wallets.used_up(tx)
    _each(world, still_leads, over, wallets.carry_out)


def _each(world: World, still_leads: Callable[[Tx], None], ids: Iterable[str], act: Act) -> None:
    for id in ids:
        try:
            with world.store.transaction() as tx:
                still_leads(tx)
                act(world, tx, id)
        except RackrateError:
            continue  # Set anew or taken away just now, or use without a price.
