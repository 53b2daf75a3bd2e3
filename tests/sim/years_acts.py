"""What a simulated firm sells, each act with its chances; and all of it over years."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from rackrate.app import amending, maintenance, quotes, sales
from rackrate.app.quoting import Ask
from rackrate.core.contract import EarlyEnd, Renewal, Terms, UpgradeRight
from rackrate.core.errors import RackrateError, Reason
from rackrate.core.ids import (
    ChipId,
    ContractId,
    CustomerId,
    PoolId,
    ProjectId,
    QuoteId,
    SiteId,
    SkuId,
)
from rackrate.core.interval import Interval
from rackrate.core.money import Money
from tests.sim import years_ground as ground
from tests.sim.years import DAY, HOUR, SECOND, Told
from tests.sim.years_book import Offered, Piece, month_end, price
from tests.sim.years_buying import CENT, Buying, Rights


class Firm(Buying):
    """Quotes, contracts and their rights, maintenance and leases by the moment."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.orders = []
        self.deals = {}
        self.works: list[str] = []

    # -- quotes -----------------------------------------------------------------------------------

    def quote(self) -> None:
        chance, start = self.chance, self.soon(150)
        sku, months = chance.choice(list(ground.SKUS)), chance.choice([1, 2, 3, 6, 12, 18])
        lasts = chance.choice([HOUR, DAY, 5 * DAY, 14 * DAY, 30 * DAY])
        wish = Ask(
            SkuId(sku), chance.randint(1, 5), start, months,
            customer=CustomerId(chance.choice(ground.CUSTOMERS)), same_block=chance.random() < 0.4,
            discount_percent=Decimal(chance.choice([0, 0, 5, 15])), lasts=lasts,
        )  # fmt: skip
        made = self.act(
            "quote",
            lambda: quotes.create(self.world, self.admin, wish),
            lambda quote: self._quoted(quote, wish),
        )
        if isinstance(made, RackrateError):
            self._true(wish, made)
        else:
            self._decide(made.id, wish, made.needs_approval)

    def _quoted(self, quote: Any, wish: Ask) -> None:
        end = month_end(wish.start, wish.months or 0)
        own = price(ground.TIERS[wish.sku], wish.months or 0, wish.nodes, wish.discount_percent)
        if quote.monthly.amount != own or quote.during.end != end:
            self.auditor.find(self.now, f"{quote.id} costs {quote.monthly}, not {own}")
        self.book.offers[quote.id] = Offered(
            wish.nodes, wish.start, end, self.now + wish.lasts, own, wish.same_block
        )

    def _ask(self, wish: Ask, nodes: int, start: datetime, length: timedelta) -> bool:
        """Whether it would be held just now."""
        other = replace(
            wish, nodes=nodes, start=start, months=None, end=start + length, monthly=CENT,
            discount_percent=Decimal(0),
        )  # fmt: skip
        return self.would(lambda: quotes.create(self.world, self.admin, other))

    def _true(self, wish: Ask, refusal: RackrateError) -> None:
        """What the refusal says is so when it is tried, and when the auditor counts."""
        site, chip = ground.SKUS[wish.sku]
        end, find = month_end(wish.start, wish.months or 0), self.auditor.find
        rooms = self.auditor.room(site, chip, (wish.start, end), self.now, kept=True)
        own = max(rooms, default=0) if wish.same_block else sum(rooms)
        most, first = int(str(refusal.facts["nodes"])), refusal.facts["earliest"]
        length = end - wish.start
        if most != own:
            find(self.now, f"quote: at most {most} of {wish}, and the auditor counts {own}")
        if most and not self._ask(wish, most, wish.start, length):
            find(self.now, f"quote: at most {most} of {wish}, and so many are refused")
        if self._ask(wish, most + 1, wish.start, length):
            find(self.now, f"quote: at most {most} of {wish}, and more are had")
        if first is not None:
            at = datetime.fromisoformat(str(first))
            if not self._ask(wish, wish.nodes, at, length):
                find(self.now, f"quote: all of {wish} from {at}, and it is refused")
            if wish.start < at - SECOND and self._ask(wish, wish.nodes, at - SECOND, length):
                find(self.now, f"quote: all of {wish} from {at}, and it is had before")

    def _decide(self, id: str, wish: Ask, needs_approval: bool) -> None:
        """What becomes of the quote: signed in time, at the last second, late; or nothing."""
        chance, expires = self.chance, self.book.offers[id].expires
        some_time = self.now + (expires - self.now) * chance.random() // SECOND * SECOND
        if needs_approval and chance.random() < 0.8:
            self.later(some_time, lambda: self.approve(id))
        fate = chance.choice(["sign", "sign", "sign", "last", "late", "withdraw", "extend", "none"])
        if fate == "sign":
            self.later(some_time, lambda: self.sign(id))
        elif fate == "last":
            self.later(expires - SECOND, lambda: self.sign(id))
        elif fate == "late":
            self.later(expires, lambda: self.sign(id))
        elif fate == "withdraw":
            self.later(some_time, lambda: self.withdraw(id))
        elif fate == "extend":
            self.later(some_time, lambda: self.extend(id, wish, needs_approval))
        for at in (expires - SECOND, expires):
            self.later(at, lambda: self.probe(wish), early=True)

    def probe(self, wish: Ask) -> None:
        """At the ends of holds: as much is offered as the auditor counts, and not a node more."""
        start = max(self.now, wish.start)
        length = 30 * DAY
        site, chip = ground.SKUS[wish.sku]
        rooms = self.auditor.room(site, chip, (start, start + length), self.now, kept=True)
        if sum(rooms) and not self._ask(replace(wish, same_block=False), sum(rooms), start, length):
            self.auditor.find(self.now, f"{sum(rooms)} {wish.sku} are free, and refused")
        if self._ask(replace(wish, same_block=False), sum(rooms) + 1, start, length):
            self.auditor.find(self.now, f"{sum(rooms)} {wish.sku} are free, and more are held")

    def approve(self, id: str) -> None:
        self.act("approve", lambda: quotes.approve(self.world, self.second, QuoteId(id)))

    def withdraw(self, id: str) -> None:
        offer = self.book.offers[id]

        def then(_: object) -> None:
            offer.over = "withdrawn"

        self.act("withdraw", lambda: quotes.withdraw(self.world, self.admin, QuoteId(id)), then)

    def extend(self, id: str, wish: Ask, needs_approval: bool) -> None:
        offer = self.book.offers[id]
        until = offer.expires + self.chance.randint(1, 20) * DAY

        def then(_: object) -> None:
            offer.expires = until

        call = lambda: quotes.extend(self.world, self.admin, QuoteId(id), until)  # noqa: E731
        if not isinstance(self.act("extend a quote", call, then), RackrateError):
            self._decide(id, wish, needs_approval)

    def sign(self, id: str) -> None:
        offer, quote = self.book.offers[id], self.row("Quote", id)
        open_ = not offer.over and self.now < offer.expires
        approved = not quote.needs_approval or quote.approved is not None

        def then(made: Any) -> None:
            offer.over = "signed"
            site, chip = ground.SKUS[quote.sku]
            piece = Piece(site, chip, offer.nodes, offer.start, offer.end)
            self.book.signed(made.id, [piece])
            if made.commitments[0].amount.amount != offer.monthly:
                self.auditor.find(self.now, f"{made.id} costs another price than was quoted")
            if not open_ or not approved:
                self.auditor.find(self.now, f"{id} was signed, and may not have been")

        made = self.act("sign", lambda: quotes.sign(self.world, self.admin, QuoteId(id)), then)
        if isinstance(made, RackrateError):
            past = quote.during.end <= self.now
            if open_ and approved and not past:
                self.auditor.find(self.now, f"{id} is held, and cannot be signed: {made.detail}")
            return
        self.deals[made.id] = Rights(quote.sku, made.terms)
        self.follow(made.id)

    # -- contracts --------------------------------------------------------------------------------

    def contract(self) -> None:
        """Signed at the table: a ramp, with all rights."""
        chance, start = self.chance, self.soon(60)
        sku = chance.choice(list(ground.SKUS))
        site, chip = ground.SKUS[sku]
        end = month_end(start, chance.choice([3, 6, 12, 24]))
        starts = [start, *(start + (end - start) * n / 8 // DAY * DAY for n in (1, 2))]
        starts = starts[: chance.randint(1, 3)]
        id = ContractId(f"deal-{next(self.numbers)}")
        terms = self._rights(start, end)
        pieces: list[Piece] = []

        def call(nodes: int) -> Any:
            pieces[:] = [Piece(site, chip, nodes, at, end) for at in starts]
            wanted = tuple(
                sales.capacity(n, SkuId(sku), nodes, Interval(at, end), Money(nodes * 10**6, "CNY"))
                for n, at in enumerate(starts, 1)
            )
            project = ProjectId(f"{chance.choice(ground.CUSTOMERS)}-one")
            offer = sales.Offer(id, project, wanted, Decimal(20), terms=terms)
            return sales.sign(self.world, self.admin, offer)

        then = lambda made: self.book.signed(made.id, pieces)  # noqa: E731
        nodes = chance.randint(1, 5 - len(starts))
        if len(starts) == 1:
            made = self.at_most("contract", nodes, call, then)
        else:
            made = self.act("contract", lambda: call(nodes), then)
        if isinstance(made, RackrateError):
            return
        self.deals[id] = Rights(sku, terms)
        self.follow(id)
        assert terms.renewal is not None
        late = chance.choice([-SECOND, timedelta(0)])
        if chance.random() < 0.6:
            self.later(terms.renewal.decide_by + late, lambda: self.renew(id))

    def _rights(self, start: datetime, end: datetime) -> Terms:
        chance = self.chance
        return Terms(
            renewal=Renewal(chance.choice([1, 6]), end - chance.randint(1, 60) * DAY),
            early_end=EarlyEnd(Decimal(20), chance.choice([0, 10])),
            upgrade=UpgradeRight(ChipId("h200"), start, Decimal(10)),
            may_shrink_percent=Decimal(50),
        )

    def renew(self, id: str) -> None:
        renewal = self.deals[id].terms.renewal
        assert renewal is not None
        months = renewal.months
        done = self._amend(id, amending.Renew(), lambda _: self.book.renewed(id, months))
        if self.now >= renewal.decide_by and not isinstance(done, RackrateError):
            self.auditor.find(self.now, f"{id} was renewed after its right had lapsed")

    def _amend(self, id: str, change: Any, then: Any) -> Any:
        what = f"amend, {type(change).__name__.lower()}"
        call = lambda: amending.amend(self.world, self.admin, ContractId(id), change)  # noqa: E731
        done = self.act(what, call, then)
        if not isinstance(done, RackrateError):
            self.make_room(id, self.now)
            self.follow(id)
        elif done.reason is Reason.NO_CAPACITY and isinstance(
            change, amending.Fewer | amending.End
        ):
            self.auditor.find(self.now, f"{id} may not give nodes back: {done.detail}")
        return done

    def amend(self) -> None:
        running = [id for id in self.deals if self.running(id)]
        free = [id for id in running if self.deals[id].terms.may_shrink_percent]
        if running:
            id = self.chance.choice(free or running)
            way = self.chance.choice([self.more, self.fewer, self.longer, self.swap, self.stop])
            way(id)

    def _piece(self, id: str) -> tuple[int, Piece, datetime]:
        """A piece that is in force or to come, and an instant in it."""
        pieces = self.book.agreed[id].items()
        number, piece = self.chance.choice([(n, p) for n, p in pieces if self.now < p.end])
        first = max(self.now, piece.start)
        at = first + (piece.end - first) * self.chance.random() // HOUR * HOUR
        return number, piece, at

    def more(self, id: str) -> None:
        _, piece, at = self._piece(id)
        if at >= piece.end:
            return
        sku = self.deals[id].sku
        site, chip = ground.SKUS[sku]
        nodes = self.chance.randint(1, 3)
        wanted = sales.capacity(1, SkuId(sku), nodes, Interval(at, piece.end), CENT)
        brought = Piece(site, chip, nodes, at, piece.end)
        self._amend(id, amending.More((wanted,)), lambda _: self.book.more(id, brought))

    def fewer(self, id: str) -> None:
        number, piece, at = self._piece(id)
        nodes = self.chance.randint(max(1, piece.nodes // 2), piece.nodes)
        then = lambda _: self.book.fewer(id, number, nodes, at)  # noqa: E731
        self._amend(id, amending.Fewer(number, nodes, at), then)

    def longer(self, id: str) -> None:
        number, piece, _ = self._piece(id)
        until = piece.end + self.chance.randint(1, 90) * DAY
        then = lambda _: self.book.extended(id, number, until)  # noqa: E731
        self._amend(id, amending.Extend(number, until), then)

    def swap(self, id: str) -> None:
        number, piece, at = self._piece(id)
        new = Piece("west", "h200", piece.nodes, at, piece.end)
        change = amending.Swap(number, SkuId("west.h200"), CENT, at)
        self._amend(id, change, lambda _: self.book.swapped(id, number, new))

    def stop(self, id: str) -> None:
        at = self.now + self.chance.randint(0, 60) * DAY
        if self.chance.random() < 0.5:
            self._amend(id, amending.End(at), lambda _: self.book.ended(id, at))

    # -- maintenance and the moment ---------------------------------------------------------------

    def work(self) -> None:
        if self.works and self.chance.random() < 0.2:
            id = self.works.pop()
            self.act("call off", lambda: maintenance.remove(self.world, self.admin, id))
            return
        start = self.soon(60)
        span = Interval(start, start + self.chance.randint(1, 4) * DAY)
        block, (site, chip) = self.chance.choice(list(ground.BLOCKS.items()))
        pool = PoolId(f"{block}/{chip}x8") if self.chance.random() < 0.7 else None

        def call(nodes: int) -> Any:
            where = SiteId(site) if pool is None else None
            wanted = maintenance.Work(nodes, span, "switches", pool, where)
            return maintenance.add(self.world, self.admin, wanted)

        made = self.at_most("maintenance", self.chance.randint(1, 3), call)
        if not isinstance(made, RackrateError):
            self.works.append(made.id)

    def moment(self) -> None:
        ids = self.leases.setdefault("", [])
        if ids and self.chance.random() < 0.4:
            self.end(self.chance.choice(ids))
            return
        sku = self.chance.choice(list(ground.SKUS))
        if self.chance.random() < 0.3:
            sku, nodes = f"{sku}.1", self.chance.randint(1, 8)
        else:
            nodes = self.chance.randint(1, 3)
        self.start(f"{self.chance.choice(ground.CUSTOMERS)}-one", sku, nodes)


ACTS = {
    "quote": 30,
    "contract": 8,
    "amend": 12,
    "order": 7,
    "pull": 3,
    "lend": 2,
    "repair": 8,
    "retire": 3,
    "work": 5,
    "moment": 30,
}


def years(seed: int, days: int, each: float = 1.0) -> Told:
    """So many days of business, with an act in `each` of them on average."""
    firm = Firm(seed)
    firm.look()
    end = ground.START + days * DAY
    names, weights = list(ACTS), list(ACTS.values())
    while firm.now < end:
        pause = timedelta(seconds=1 + int(firm.chance.expovariate(1 / (each * 86_400))))
        firm.until(min(end, firm.now + pause))
        getattr(firm, firm.chance.choices(names, weights)[0])()
        firm.look()
    return firm.told()
