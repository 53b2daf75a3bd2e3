"""Quotes on PostgreSQL: two control planes at once, a database that counts rows, and expiry."""

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from rackrate.app import billing, quotes, sales
from rackrate.app.asking import Line
from rackrate.app.world import World
from rackrate.core.access import Actor
from rackrate.core.calendar import Reservation, ReservationKind
from rackrate.core.contract import CommitmentKind, Contract
from rackrate.core.errors import RackrateError, Reason, Refused
from rackrate.core.ids import ContractId, QuoteId
from rackrate.core.interval import Interval
from rackrate.core.money import Money
from rackrate.core.quote import Quote
from rackrate.db.schema import FOLDER, migrate
from rackrate.db.store import PostgresStore
from tests.app.test_quotes import H20, MARCH, NODE, PRICES, STUDIO, TRAIN, wish
from tests.build import CUSTOMERS, SMALL, Built, build

DEADLINE_S = 30
FEE = Line(CommitmentKind.ONE_OFF, title="Set-up", amount=Money.parse("500.00", "CNY"))


@dataclass(frozen=True, slots=True)
class Ids:
    """Ids of one control plane, which no other makes."""

    name: str
    counts: dict[str, int] = field(default_factory=dict)

    def new(self, prefix: str) -> str:
        self.counts[prefix] = self.counts.get(prefix, 0) + 1
        return f"{prefix}_{self.name}{self.counts[prefix]:05}"

    def secret(self) -> str:
        return self.new("secret")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two control planes on one database, with one clock."""

    built: Built
    worlds: tuple[World, World]

    @property
    def admin(self) -> Actor:
        return self.built.admin

    def at_once(self, *acts: Callable[[World], object]) -> list[object]:
        """What each act answers or raises; they begin together, each on its own plane."""
        ready, answers = threading.Barrier(len(acts)), list[object](acts)

        def run(place: int) -> None:
            ready.wait(DEADLINE_S)
            try:
                answers[place] = acts[place](self.worlds[place % 2])
            except RackrateError as error:
                answers[place] = error

        threads = [threading.Thread(target=run, args=(place,)) for place in range(len(acts))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_S)
            assert not thread.is_alive()
        return answers

    def promised(self) -> list[Reservation]:
        with self.worlds[0].store.transaction() as tx:
            return tx.find(Reservation)


@pytest.fixture
def pair(database: str) -> Iterator[Pair]:
    with PostgresStore(database) as one, PostgresStore(database) as two:
        built = build(SMALL, H20, CUSTOMERS, PRICES, store=one)
        second = replace(built.world, store=two, ids=Ids("b"))
        yield Pair(built, (replace(built.world, ids=Ids("a")), second))


def refusals(answers: list[object]) -> list[Refused]:
    return [answer for answer in answers if isinstance(answer, Refused)]


def test_of_many_who_want_the_last_nodes_at_once_as_many_have_them_as_there_are(
    pair: Pair,
) -> None:
    answers = pair.at_once(
        *(lambda world: quotes.create(world, pair.admin, wish(1)) for _ in range(8))
    )
    assert sum(isinstance(answer, Quote) for answer in answers) == 4
    assert {refusal.reason for refusal in refusals(answers)} == {Reason.NO_CAPACITY}
    assert sum(held.nodes for held in pair.promised()) == 4


def test_of_two_signers_at_once_one_wins_and_one_contract_is_made(pair: Pair) -> None:
    quote = quotes.create(pair.worlds[0], pair.admin, wish(2))
    answers = pair.at_once(*[lambda world: quotes.sign(world, pair.admin, quote.id)] * 2)
    (made,) = (answer for answer in answers if isinstance(answer, Contract))
    (lost,) = refusals(answers)
    assert f"it is signed as contract {made.id}" in lost.detail
    assert len(sales.find(pair.worlds[0], pair.admin)) == 1
    assert len(billing.find(pair.worlds[0], pair.admin)) == 1


def test_of_two_signers_of_a_ramp_one_wins_with_all_of_its_lines(pair: Pair) -> None:
    ramp = wish(1, lines=(Line(sku=NODE, nodes=2, start=MARCH + timedelta(days=90)), FEE))
    quote = quotes.create(pair.worlds[0], pair.admin, ramp)
    assert sorted(held.nodes for held in pair.promised()) == [1, 2]
    answers = pair.at_once(*[lambda world: quotes.sign(world, pair.admin, quote.id)] * 2)
    (made,) = (answer for answer in answers if isinstance(answer, Contract))
    assert len(refusals(answers)) == 1
    assert made.commitments == quote.commitments
    assert sorted(held.nodes for held in pair.promised()) == [1, 2]
    assert {held.holder for held in pair.promised()} == {made.id}


def test_of_two_ramps_that_want_the_last_nodes_one_has_all_of_its_lines_and_one_none(
    pair: Pair,
) -> None:
    ramp = wish(1, lines=(Line(sku=NODE, nodes=2, start=MARCH + timedelta(days=90)),))
    answers = pair.at_once(*[lambda world: quotes.create(world, pair.admin, ramp)] * 2)
    (made,) = (answer for answer in answers if isinstance(answer, Quote))
    assert {no.reason for no in refusals(answers)} == {Reason.NO_CAPACITY}
    assert {held.holder for held in pair.promised()} == {made.id}
    assert sorted(held.nodes for held in pair.promised()) == [1, 2]


def test_signing_and_withdrawing_at_once_do_not_both_happen(pair: Pair) -> None:
    for round in range(6):
        quote = quotes.create(pair.worlds[0], pair.admin, wish(1, months=12 + round))
        answers = pair.at_once(
            lambda world, id=quote.id: quotes.sign(world, pair.admin, id),  # type: ignore[misc]
            lambda world, id=quote.id: quotes.withdraw(world, pair.admin, id),  # type: ignore[misc]
        )
        assert len(refusals(answers)) == 1
        after = quotes.show(pair.worlds[1], pair.admin, quote.id).quote
        assert (after.signed is None) != (after.withdrawn is None)
        if after.signed is not None:
            break


def test_while_it_is_signed_nobody_else_can_take_the_nodes(pair: Pair) -> None:
    """The hold is let go and the contract's promise made under one lock: others see one of both."""
    quote = quotes.create(pair.worlds[0], pair.admin, wish(4))
    stop = threading.Event()
    taken: list[QuoteId] = []

    def greedy(world: World) -> object:
        while not stop.is_set():
            try:
                taken.append(quotes.create(world, pair.admin, wish(1, customer=STUDIO)).id)
            except Refused:
                continue
        return None

    def sign(world: World) -> object:
        try:
            return quotes.sign(world, pair.admin, quote.id)
        finally:
            stop.set()

    answers = pair.at_once(sign, greedy)
    assert isinstance(answers[0], Contract)
    assert taken == []


def test_an_expired_hold_is_in_nobody_s_way_though_the_database_counts_rows(pair: Pair) -> None:
    quotes.create(pair.worlds[0], pair.admin, wish(4, lasts=timedelta(hours=1)))
    pair.built.clock.advance(timedelta(hours=1))
    # The other plane signs a contract without a quote: it takes the row away first.
    during = Interval(MARCH, MARCH + timedelta(days=365))
    offer = sales.Offer.of(
        ContractId("k1"), TRAIN, NODE, 4, during, Money.parse("400000.00", "CNY"), Decimal(0)
    )
    sales.sign(pair.worlds[1], pair.admin, offer)
    assert {held.kind for held in pair.promised()} == {ReservationKind.CONTRACT}
    assert quotes.ask(pair.worlds[0], pair.admin, wish(1)).short is not None


def test_a_customer_confined_by_the_database_finds_its_own_quotes(pair: Pair) -> None:
    mine = quotes.create(pair.worlds[0], pair.admin, wish(1))
    quotes.create(pair.worlds[0], pair.admin, wish(1, customer=STUDIO))
    with pair.worlds[0].store.transaction() as tx:
        tx.confine(mine.customer)
        assert [quote.id for quote in tx.find(Quote)] == [mine.id]


@pytest.mark.parametrize(
    "change",
    [
        "signed = expires, contract = 'k'",
        "signed = created, withdrawn = created, contract = 'k'",
        "signed = created, needs_approval = true, contract = 'k'",
        "approver = author",
        "expires = created",
        "lines = jsonb_set(lines, '{0,commitment,nodes}', '0')",
        "lines = jsonb_set(lines, '{0,commitment,amount,minor}', '-1')",
        "lines = '[]'",
        "prepayment_percent = 101",
    ],
)
def test_the_database_refuses_by_itself_what_no_quote_can_be(
    pair: Pair, database: str, change: str
) -> None:
    quotes.create(pair.worlds[0], pair.admin, wish(1))
    with (
        psycopg.connect(database) as connection,
        pytest.raises(psycopg.errors.CheckViolation),
    ):
        connection.execute(f"UPDATE quote SET {change}".encode())


def test_two_quotes_are_never_one_contract(pair: Pair, database: str) -> None:
    for _ in range(2):
        quotes.create(pair.worlds[0], pair.admin, wish(1))
    with (
        psycopg.connect(database) as connection,
        pytest.raises(psycopg.errors.UniqueViolation),
    ):
        connection.execute("UPDATE quote SET signed = created, contract = 'k'")


BEFORE = """
SET session_replication_role = replica;
ALTER TABLE reservation DISABLE TRIGGER USER;
INSERT INTO quote (
    id, entity, customer, project, site, sku, nodes, same_block, dedicated, during, price,
    tier_months, tier_nodes, per_node, per_node_currency, basis, tax_included, discount_percent,
    monthly, monthly_currency, prepayment_percent, needs_approval, author, created, expires, name
) VALUES (
    'quo_1', 'e', 'c', 'p', 'east', 'h100.node', 2, true, false,
    '[2027-02-28 16:00+00, 2030-02-28 16:00+00)', 'm', 36, 1, 6000000, 'CNY', 'a node', false, 2.5,
    11700000, 'CNY', 20, false, 'dora', '2026-11-22 12:00+00', '2026-12-06 12:00+00', 'Old'
);
INSERT INTO reservation (id, site, pool, nodes, during, kind, holder, expires, note, version)
VALUES ('quo_1/b/h100x8', 'east', 'b/h100x8', 2, '[2027-02-28 16:00+00, 2030-02-28 16:00+00)',
    'hold', 'quo_1', '2026-12-06 12:00+00', '', 1);
"""


def test_a_quote_from_before_lines_is_a_quote_of_one_line(
    empty_database: str, tmp_path: Path
) -> None:
    old = Path(shutil.copytree(FOLDER, tmp_path / "schema"))
    for later in sorted(old.glob("0*.sql"))[5:]:
        later.unlink()
    (old / "grants.sql").write_text("")  # It names what later steps bring.
    migrate(empty_database, old)
    with psycopg.connect(empty_database) as connection:
        connection.execute(BEFORE.encode())
    migrate(empty_database)
    with PostgresStore(empty_database) as store, store.transaction() as tx:
        quote = tx.get(Quote, "quo_1")
        (line,) = quote.lines
        assert (line.commitment.nodes, line.commitment.same_block, line.price) == (2, True, "m")
        assert line.during == Interval(MARCH, MARCH.replace(year=2030))
        assert (str(line.per_node), str(quote.monthly)) == ("60,000.00 CNY", "117,000.00 CNY")
        assert (line.discount_percent, line.tier_months) == (Decimal("2.5"), 36)
    with psycopg.connect(empty_database) as connection:
        assert connection.execute("SELECT id FROM reservation").fetchall() == [
            ("quo_1/1/b/h100x8",)
        ]
