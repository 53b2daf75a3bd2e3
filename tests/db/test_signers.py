"""Signers of the last nodes at once, on PostgreSQL: exactly as many win as there are nodes."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

import pytest

from rackrate.app import amending, procurement, quotes, sales
from rackrate.app.world import World
from rackrate.core.breach import Breach
from rackrate.core.calendar import Reservation, ReservationKind
from rackrate.core.contract import Contract, Delivery
from rackrate.core.errors import RackrateError, Reason, Refused
from rackrate.core.ids import ContractId
from rackrate.core.interval import Interval
from rackrate.core.invoice import Invoice
from rackrate.core.money import Money
from rackrate.core.quote import Quote, QuoteState
from rackrate.db.store import PostgresStore
from tests.app.ordering import PO, order
from tests.app.test_quotes import H20, MARCH, NODE, PRICES, SLOW, TRAIN, wish
from tests.build import CUSTOMERS, SMALL, Built, build

DEADLINE_S = 60
PLANES = 3
YEAR = Interval(MARCH, MARCH + timedelta(days=365))


@dataclass(frozen=True, slots=True)
class Ids:
    """Ids of one control plane, which no other makes; its threads share them."""

    name: str
    counts: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def new(self, prefix: str) -> str:
        with self.lock:
            self.counts[prefix] = self.counts.get(prefix, 0) + 1
            return f"{prefix}_{self.name}{self.counts[prefix]:05}"

    def secret(self) -> str:
        return self.new("secret")


@dataclass(frozen=True, slots=True)
class Signers:
    """Several control planes on one database: 4 nodes of one chip in two blocks, 16 of another."""

    built: Built
    worlds: tuple[World, ...]

    def at_once(self, acts: list[Callable[[World], object]]) -> list[object]:
        """What each act answers, or how it is refused; all of them begin together."""
        ready, answers = threading.Barrier(len(acts)), list[object](acts)

        def run(place: int) -> None:
            ready.wait(DEADLINE_S)
            try:
                answers[place] = acts[place](self.worlds[place % PLANES])
            except RackrateError as error:
                answers[place] = error

        threads = [threading.Thread(target=run, args=(place,)) for place in range(len(acts))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_S)
            assert not thread.is_alive()
        return answers

    def rows(self, kind: type) -> list[object]:
        with self.worlds[0].store.transaction() as tx:
            return list(tx.find(kind))

    def sign(self, id: str, nodes: int) -> Callable[[World], object]:
        offer = sales.Offer.of(
            ContractId(id), TRAIN, NODE, nodes, YEAR, Money(nodes * 10**7, "CNY"), Decimal(20)
        )
        return lambda world: sales.sign(world, self.built.admin, offer)

    def promised(self, holder: str = "") -> int:
        rows = [row for row in self.rows(Reservation) if isinstance(row, Reservation)]
        return sum(row.nodes for row in rows if holder in ("", row.holder))


@pytest.fixture
def signers(database: str) -> Iterator[Signers]:
    with ExitStack() as stack:
        stores = [stack.enter_context(PostgresStore(database)) for _ in range(PLANES)]
        built = build(SMALL, H20, CUSTOMERS, PRICES, store=stores[0])
        worlds = [replace(built.world, store=s, ids=Ids(f"p{n}")) for n, s in enumerate(stores)]
        yield Signers(built, tuple(worlds))


def refusals(answers: list[object]) -> list[Refused]:
    return [answer for answer in answers if isinstance(answer, Refused)]


@pytest.mark.parametrize(("each", "winners"), [(1, 4), (2, 2), (3, 1), (4, 1)])
def test_of_twelve_signers_of_the_last_nodes_as_many_win_as_there_are_nodes(
    signers: Signers, each: int, winners: int
) -> None:
    answers = signers.at_once([signers.sign(f"deal-{n}", each) for n in range(12)])
    won = [answer for answer in answers if isinstance(answer, Contract)]
    lost = refusals(answers)
    assert (len(won), len(lost)) == (winners, 12 - winners)
    # Who loses is told how many are left then: never as many as were asked for.
    left = 4 - winners * each
    assert {refusal.reason for refusal in lost} == {Reason.NO_CAPACITY}
    assert all(left <= int(str(refusal.facts["nodes"])) < each for refusal in lost)
    # Of who lost, nothing is left behind: no promise, contract, delivery or invoice.
    names = {contract.id for contract in won}
    for kind, of in ((Reservation, "holder"), (Contract, "id"), (Delivery, "contract")):
        assert {getattr(row, of) for row in signers.rows(kind)} == names
    assert len(signers.rows(Invoice)) == winners
    assert signers.promised() == winners * each
    assert signers.rows(Breach) == []
    if left:
        last = signers.at_once([signers.sign(f"last-{n}", left) for n in range(2)])
        assert sum(isinstance(answer, Contract) for answer in last) == 1
        assert signers.promised() == 4


def test_holds_and_signatures_at_once_never_promise_a_node_twice(signers: Signers) -> None:
    """Twelve at once: half of them quote and half of them sign, for a node or two."""
    acts = [
        signers.sign(f"deal-{n}", 1 + n % 2)
        if n % 4 < 2
        else lambda world, n=n: quotes.create(
            world, signers.built.admin, wish(1 + n % 2, months=12)
        )
        for n in range(12)
    ]
    answers = signers.at_once(acts)
    won = [answer for answer in answers if isinstance(answer, Contract | Quote)]
    assert len(won) + len(refusals(answers)) == 12
    assert signers.promised() == 4
    nodes = [a.nodes if isinstance(a, Quote) else a.commitments[0].nodes for a in won]
    assert sum(nodes) == 4
    assert all(signers.promised(each.id) == n for each, n in zip(won, nodes, strict=True))


def test_many_holds_at_once_are_exactly_what_a_block_has(signers: Signers) -> None:
    """Of 16 slow nodes in one block: three signers at a time, each for five on the same block."""
    acts: list[Callable[[World], object]] = [
        lambda world: quotes.create(
            world, signers.built.admin, wish(5, sku=SLOW, months=12, same_block=True)
        )
    ] * 9
    answers = signers.at_once(acts)
    assert sum(isinstance(answer, Quote) for answer in answers) == 3
    assert {refusal.facts["nodes"] for refusal in refusals(answers)} == {1}
    assert signers.promised() == 15


def test_signing_withdrawing_and_expiring_at_once_end_in_one_of_them(signers: Signers) -> None:
    """The clock reaches the expiry while two sign, one withdraws and one wants the nodes."""
    built, seen = signers.built, set[str]()
    for round in range(8):
        quote = quotes.create(signers.worlds[0], built.admin, wish(4, lasts=timedelta(hours=1)))
        built.clock.instant = quote.expires - timedelta(seconds=1)

        def late(world: World) -> object:
            built.clock.instant = quote.expires  # noqa: B023
            return quotes.create(world, built.admin, wish(4, lasts=timedelta(minutes=5)))

        acts: list[Callable[[World], object]] = [
            lambda world: quotes.sign(world, built.admin, quote.id),  # noqa: B023
            lambda world: quotes.sign(world, built.admin, quote.id),  # noqa: B023
            lambda world: quotes.withdraw(world, built.admin, quote.id),  # noqa: B023
            late,
        ]
        answers = signers.at_once(acts[round % 4 :] + acts[: round % 4])
        after = quotes.show(signers.worlds[1], built.admin, quote.id)
        seen.add(after.state)
        signed = [answer for answer in answers if isinstance(answer, Contract)]
        taken = [one for one in answers if isinstance(one, Quote) and one.id != quote.id]
        assert len(signed) == (after.state is QuoteState.SIGNED)
        assert len(signed) + len(taken) <= 1, "the same nodes went to two"
        assert signers.promised() == 4 * (len(signed) + len(taken))
        contracts = {row.id for row in signers.rows(Contract) if isinstance(row, Contract)}
        assert after.quote.contract is None or after.quote.contract in contracts
        if signed:
            break
        built.clock.advance(timedelta(days=1))
        for one in taken:
            built.clock.instant = max(built.clock.now(), one.expires)
        with signers.worlds[0].store.transaction() as tx:
            for row in tx.find(Reservation, kind=ReservationKind.HOLD):
                tx.remove(Reservation, row.id)
    assert seen


def test_two_amendments_at_once_take_the_last_node_once(signers: Signers) -> None:
    for name in ("deal-1", "deal-2", "deal-3"):
        signers.sign(name, 1)(signers.worlds[0])
    more = amending.More((sales.capacity(1, NODE, 1, YEAR, Money(10**7, "CNY")),))
    acts: list[Callable[[World], object]] = [
        lambda world, n=n: amending.amend(  # type: ignore[misc]
            world, signers.built.admin, ContractId(f"deal-{1 + n % 3}"), more
        )
        for n in range(6)
    ]
    answers = signers.at_once(acts)
    assert sum(isinstance(answer, Contract) for answer in answers) == 1
    assert {refusal.facts["nodes"] for refusal in refusals(answers)} == {0}
    assert signers.promised() == 4
    contracts = [row for row in signers.rows(Contract) if isinstance(row, Contract)]
    assert sorted(len(row.commitments) for row in contracts) == [1, 1, 2]


def test_an_expired_hold_is_not_in_the_way_of_what_a_supplier_has_back(signers: Signers) -> None:
    """The database counts rows: whoever reserves takes the expired ones away first."""
    built = signers.built
    procurement.place(built.world, built.admin, order((1, built.clock.now() + timedelta(days=9))))
    quotes.create(built.world, built.admin, wish(4, lasts=timedelta(hours=1)))
    built.clock.advance(timedelta(hours=1))
    back = procurement.lease_back(signers.worlds[1], built.admin, PO, 3, YEAR, Money(10**6, "CNY"))
    assert signers.promised() == signers.promised(back.id) == 3
