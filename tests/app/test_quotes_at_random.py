"""Holds at random, against somebody who counts: never too many, and expiry gives all of it back."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rackrate.app import quotes
from rackrate.core.calendar import Reservation
from rackrate.core.errors import RackrateError
from rackrate.core.ids import CustomerId, PoolId, QuoteId, SiteId
from rackrate.core.interval import Interval
from rackrate.core.money import Money
from rackrate.core.quote import Quote, QuoteState
from tests.app.test_quotes import H20, MARCH, NODE, PRICES, SLOW, wish
from tests.build import CUSTOMERS, SMALL, Built, build

DAY = timedelta(days=1)
HAS = {PoolId("east-1/h100x8"): 2, PoolId("east-2/h100x8"): 2, PoolId("slow-1/h20x8"): 16}
ACTS = st.lists(
    st.tuples(
        st.sampled_from(["create", "create", "create", "sign", "withdraw", "extend", "wait"]),
        st.integers(0, 9),
        st.integers(0, 40),
        st.booleans(),
    ),
    min_size=4,
    max_size=14,
)


class Counted:
    """What was answered, remembered by itself: which quotes hold which nodes, and until when."""

    def __init__(self, built: Built) -> None:
        self.built = built
        self.made: list[tuple[QuoteId, dict[PoolId, int], Interval]] = []

    def standing(self) -> list[tuple[dict[PoolId, int], Interval]]:
        """What is open or signed now: the nodes of it, and when."""
        now = self.built.clock.now()
        stands = {QuoteState.OPEN, QuoteState.SIGNED}
        with self.built.world.store.transaction() as tx:
            states = {quote.id: quote.state(now) for quote in tx.find(Quote)}
        return [(nodes, during) for id, nodes, during in self.made if states[id] in stands]

    def check(self) -> None:
        """The calendar says at every day of ten years what counting says, and never below zero."""
        now = self.built.clock.now()
        with self.built.world.store.transaction() as tx:
            fleet = tx.fleet(SiteId("east"))
        standing = self.standing()
        days = [MARCH + k * 73 * DAY for k in range(50)]
        for pool, has in HAS.items():
            for at in days:
                free = fleet.pools[pool].calendar.available(
                    Interval(at, at + timedelta(seconds=1)), now
                )
                taken = sum(nodes.get(pool, 0) for nodes, during in standing if during.contains(at))
                assert free == has - taken >= 0

    def rows(self) -> Counter[str]:
        with self.built.world.store.transaction() as tx:
            return Counter(held.holder for held in tx.find(Reservation))


def act(counted: Counted, what: str, number: int, size: int, flag: bool) -> None:
    built = counted.built
    if what == "wait":
        built.clock.advance(size * timedelta(hours=9))
    elif what == "create":
        asked = wish(
            1 + size % (3 if flag else 9),
            sku=NODE if flag else SLOW,
            customer=CustomerId("studio" if number % 2 else "robotics"),
            start=MARCH + number * 30 * DAY,
            months=12 + number,
            same_block=bool(number % 3),
            monthly=Money(100 + size, "CNY"),
            lasts=timedelta(days=1 + number),
        )
        quote = quotes.create(built.world, built.admin, asked)
        held = quotes.show(built.world, built.admin, quote.id).held
        assert sum(one.nodes for one in held) == quote.nodes
        assert len(held) == 1 or not quote.same_block
        nodes = {one.pool: one.nodes for one in held}
        counted.made.append((quote.id, nodes, quote.during))
    elif counted.made:
        id = counted.made[number % len(counted.made)][0]
        if what == "sign":
            finance(built, id)
            quotes.sign(built.world, built.admin, id)
        elif what == "withdraw":
            quotes.withdraw(built.world, built.admin, id)
        else:
            quotes.extend(built.world, built.admin, id, built.clock.now() + (1 + size) * DAY)


def finance(built: Built, id: QuoteId) -> None:
    """A second person agrees, where one is asked."""
    second = replace(built.admin, principal=type(built.admin.principal)("second"))
    if quotes.show(built.world, built.admin, id).quote.waits_for_approval:
        quotes.approve(built.world, second, id)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ACTS)
def test_holds_never_oversell_and_what_ends_gives_back_exactly_what_it_held(
    acts: list[tuple[str, int, int, bool]],
) -> None:
    counted = Counted(build(SMALL, H20, CUSTOMERS, PRICES))
    for what, number, size, flag in acts:
        before, refused = counted.rows(), False
        try:
            act(counted, what, number, size, flag)
        except RackrateError:
            refused = True
        assert not refused or counted.rows() == before
        counted.check()
    # Everything that was not signed is gone at last, and the calendar is as if it had never been.
    counted.built.clock.advance(100 * DAY)
    counted.check()


def test_a_discount_is_rounded_once_and_never_below_what_it_says() -> None:
    built = build(SMALL, H20, CUSTOMERS, PRICES)
    asked = wish(3, discount_percent=Decimal("3.333333"))
    quote: Quote = quotes.create(built.world, built.admin, asked)
    # 165,000.00 less 3.333333 % is 159,500.00055: to the cent 159,500.00.
    assert str(quote.monthly) == "159,500.00 CNY"
