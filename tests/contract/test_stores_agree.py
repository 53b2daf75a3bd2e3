"""The same random life in both stores: what one answers, the other answers."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rackrate.app.ports import Store, Tx
from rackrate.app.rows import LoopLease
from rackrate.core.calendar import Claim, Reservation
from rackrate.core.chips import Chip
from rackrate.core.errors import Conflict
from rackrate.core.ids import ChipId
from rackrate.core.interval import Interval, Span
from rackrate.core.inventory import NodeState
from rackrate.core.ledger import Entry
from rackrate.core.parties import Audit
from rackrate.core.slots import Slots
from rackrate.db.store import PostgresStore
from rackrate.memory import MemoryStore
from tests.contract.stores import (
    ACME,
    BOLT,
    CAROL,
    ENTITY,
    GROUND,
    HOUR,
    NOON,
    SITE,
    claim,
    entry,
    node,
    promise,
)

Act = Callable[[Tx], object]
TRANSACTIONS = 50
KEYS = [f"{letter}{number}" for letter in "aB_é" for number in range(3)]


class Undo(Exception):
    """Raised to see a transaction undone."""


def some_chip(draw: random.Random) -> Chip:
    sample = next(row for row in GROUND if isinstance(row, Chip))
    return replace(sample, id=ChipId(draw.choice(KEYS)), vendor=f"v{draw.randrange(3)}")


def reading(draw: random.Random) -> Act:
    key, other, limit = draw.choice(KEYS), draw.choice(["", *KEYS]), draw.choice([None, 1, 3])
    newest, customer = draw.random() < 0.5, draw.choice([None, ACME, BOLT])
    reads: list[Act] = [
        lambda tx: tx.peek(Chip, key),
        lambda tx: tx.find(Chip, after=other, limit=limit, newest_first=newest),
        lambda tx: tx.find(Audit, customer=customer, after=other, limit=limit),
        lambda tx: tx.find(Entry, entity=ENTITY, limit=limit),
        lambda tx: tx.balances(ENTITY, NOON + timedelta(hours=12)),
        lambda tx: tx.find(Claim, site=SITE, open=newest),
        lambda tx: tx.find(Reservation, site=SITE),
        lambda tx: tx.peek(LoopLease, key),
        lambda tx: (tx.fleet(SITE).free_slots(), sorted(tx.fleet(SITE).claims)),
    ]
    return draw.choice(reads)


def writing(draw: random.Random, number: int) -> Act:
    key, hours = draw.choice(KEYS), draw.randrange(1, 24)
    at, owner = NOON + hours * HOUR, draw.choice([ACME, BOLT])
    chip, series = some_chip(draw), draw.choice(["EX", "EY"])
    # It is drained after all promises are over: PostgreSQL guards them, and memory does not.
    state, away = draw.choice([NodeState.IN_SERVICE, NodeState.DRAINING]), NOON + 30 * HOUR
    drained = replace(node(2), state=state, drained=away, back=draw.choice([None, away + HOUR]))
    audit = Audit(key, at, CAROL, "verb", "target", draw.choice([None, owner]), "done")
    writes: list[Act] = [
        lambda tx: tx.put(chip),
        lambda tx: tx.put(chip, replace(chip, model="again")),
        lambda tx: tx.add(chip),
        lambda tx: tx.remove(Chip, key),
        lambda tx: tx.add(audit),
        lambda tx: tx.add(entry(f"{key}/{number}", hours * 101, owner, at)),
        lambda tx: tx.number(series),
        lambda tx: tx.put(LoopLease(key, "host", number, at)),
        lambda tx: tx.remove(LoopLease, key),
        lambda tx: tx.put(drained),
        lambda tx: tx.put(node(3 + hours % 3)),
        lambda tx: tx.put(promise(f"r{hours % 2}", 1, Interval(at, at + HOUR))),
        lambda tx: tx.remove(Reservation, f"r{hours % 2}"),
        lambda tx: hold(tx, f"c{number}", 1 + hours % 4),
        lambda tx: let_go(tx, at),
    ]
    return draw.choice(writes)


def hold(tx: Tx, id: str, count: int) -> object:
    """Claim what is free on the first node, by name, that has room: the same in both stores."""
    for name, free in sorted(tx.fleet(SITE).free_slots().items()):
        if free >= count:
            rows = tx.find(Claim, node=name)
            taken = sum(row.slots.bits for row in rows if row.open)
            slots = Slots.of([slot for slot in range(8) if not taken >> slot & 1][:count])
            start = max([NOON, *(row.during.end for row in rows if row.during.end is not None)])
            tx.add(claim(id, name, slots, Span(start)))
            return name, slots
    return None


def let_go(tx: Tx, at: datetime) -> object:
    for held in tx.find(Claim, open=True, limit=1):
        end = max(at, held.during.start + HOUR)
        tx.put(replace(held, during=Span(held.during.start, end)))
        return held.id
    return None


def lived(store: Store, acts: list[Act], undone: bool) -> object:
    """What a transaction of these acts answered, or how it ended."""
    answers = []
    try:
        with store.transaction() as tx:
            answers = [act(tx) for act in acts]
            if undone:
                raise Undo
    except Undo:
        return answers, "undone"
    except Conflict:
        return "conflict"
    return answers


@pytest.mark.parametrize("seed", range(4))
def test_both_stores_answer_the_same(seed: int, database: str) -> None:
    draw, memory, ends = random.Random(seed), MemoryStore(), []
    with PostgresStore(database) as postgres:
        for store in (memory, postgres):
            with store.transaction() as tx:
                tx.add(*GROUND)
        for number in range(0, TRANSACTIONS * 10, 10):
            acts = [
                draw.choice([reading(draw), writing(draw, number + step)])
                for step in range(draw.randrange(1, 9))
            ]
            undone = draw.random() < 0.2
            ours = lived(memory, acts, undone)
            theirs = lived(postgres, acts, undone)
            # A conflict may be told as late as at the commit, which an undone one has not.
            assert theirs == ours or (undone and ours == "conflict"), f"transaction {number // 10}"
            ends.append(ours)
    assert "conflict" in ends and any(end != "conflict" for end in ends)
