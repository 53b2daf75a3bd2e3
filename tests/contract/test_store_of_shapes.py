"""A lease that was given another shape is the fold of its log in every store."""

from dataclasses import replace

import pytest

from rackrate.core.ids import SkuId
from rackrate.core.lease import EventKind, LeaseEvent, fold
from tests.contract.stores import GROUND, HOUR, NOON, STORES, lease


@pytest.mark.parametrize("name", STORES)
def test_shapes_come_back_with_the_log(name: str, request: pytest.FixtureRequest) -> None:
    first, event = lease("lse_1")
    kinds = (EventKind.STOP_REQUESTED, EventKind.STOPPING, EventKind.STOPPED, EventKind.RESHAPED)
    shape = replace(first.terms.shape, sku=SkuId("h100.8"), count=3, slots=24)
    events = [event] + [
        LeaseEvent(
            first.id, seq, NOON + HOUR, NOON + HOUR, kind,
            shape=shape if kind is EventKind.RESHAPED else None,
        )
        for seq, kind in enumerate(kinds, 2)
    ]  # fmt: skip
    after = fold(first.terms, events)
    with STORES[name](request) as store:
        with store.transaction() as tx:
            tx.add(*GROUND)
            tx.record(after, *events)
        with store.transaction() as tx:
            kept, log = tx.get(type(after), first.id), tx.history(first.id)
    assert (kept, list(log)) == (after, events)
    assert kept.terms.shape == shape and kept.asked == first.terms.shape
    assert fold(kept.asked_terms, log) == kept
