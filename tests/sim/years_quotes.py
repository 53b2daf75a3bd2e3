"""How a simulated firm quotes, and what becomes of its quotes, each act with its chances."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from rackrate.app import quotes
from rackrate.app.quoting import Ask
from rackrate.core.contract import Terms
from rackrate.core.errors import RackrateError
from rackrate.core.ids import CustomerId, QuoteId, SkuId
from tests.sim import years_ground as ground
from tests.sim.years import DAY, HOUR, SECOND
from tests.sim.years_book import Offered, Piece, month_end, price
from tests.sim.years_buying import CENT, Rights
from tests.sim.years_delivery import Delivering


@dataclass(frozen=True, slots=True)
class Wish:
    """Nodes of one SKU for so many months."""

    sku: str
    nodes: int
    start: datetime
    months: int
    customer: str
    same_block: bool
    discount: int
    lasts: timedelta
    terms: Terms

    @property
    def end(self) -> datetime:
        return month_end(self.start, self.months)

    @property
    def asked(self) -> Ask:
        return Ask(
            SkuId(self.sku), self.nodes, self.start, self.months,
            customer=CustomerId(self.customer), same_block=self.same_block,
            discount_percent=Decimal(self.discount), lasts=self.lasts, terms=self.terms,
        )  # fmt: skip


class Quoting(Delivering):
    """Quotes that are signed in time, late, withdrawn, extended, or forgotten."""

    def quote(self) -> None:
        chance, start = self.chance, self.soon(self.chance.choice([6, 150]))
        sku, months = chance.choice(list(ground.SKUS)), chance.choice([1, 2, 3, 6, 12, 18])
        lasts = chance.choice([HOUR, DAY, 5 * DAY, 14 * DAY, 30 * DAY])
        wish = Wish(
            sku, chance.randint(1, 5), start, months, chance.choice(ground.CUSTOMERS),
            chance.random() < 0.4, chance.choice([0, 0, 5, 15]), lasts,
            self.handing_terms() if chance.random() < 0.4 else Terms(),
        )  # fmt: skip
        made = self.act(
            "quote",
            lambda: quotes.create(self.world, self.admin, wish.asked),
            lambda quote: self._quoted(quote, wish),
        )
        if isinstance(made, RackrateError):
            self._true(wish, made)
        else:
            self._decide(made.id, wish, made.needs_approval)

    def _quoted(self, quote: Any, wish: Wish) -> None:
        discount = Decimal(wish.discount)
        own = price(ground.TIERS[wish.sku], wish.months, wish.nodes, discount)
        if quote.monthly.amount != own or quote.during.end != wish.end:
            self.auditor.find(self.now, f"{quote.id} costs {quote.monthly}, not {own}")
        self.book.offers[quote.id] = Offered(
            wish.nodes, wish.start, wish.end, self.now + wish.lasts, own, wish.same_block,
            wish.terms.dedicated,
        )  # fmt: skip

    def _ask(self, wish: Wish, nodes: int, start: datetime, length: timedelta) -> bool:
        """Whether it would be held just now."""
        other = replace(
            wish.asked, nodes=nodes, start=start, months=None, end=start + length, monthly=CENT,
            discount_percent=Decimal(0),
        )  # fmt: skip
        return self.would(lambda: quotes.create(self.world, self.admin, other))

    def _true(self, wish: Wish, refusal: RackrateError) -> None:
        """What the refusal says is so when it is tried, and when the auditor counts."""
        site, chip = ground.SKUS[wish.sku]
        find, span = self.auditor.find, (wish.start, wish.end)
        rooms = self.auditor.room(site, chip, span, self.now, kept=True, alone=wish.terms.dedicated)
        own = max(rooms, default=0) if wish.same_block else sum(rooms)
        most, first = int(str(refusal.facts["nodes"])), refusal.facts["earliest"]
        length = wish.end - wish.start
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

    def _decide(self, id: str, wish: Wish, needs_approval: bool) -> None:
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

    def probe(self, wish: Wish) -> None:
        """At the ends of holds: as much is offered as the auditor counts, and not a node more."""
        start = max(self.now, wish.start)
        length, wish = 30 * DAY, replace(wish, same_block=False, terms=Terms())
        site, chip = ground.SKUS[wish.sku]
        rooms = self.auditor.room(site, chip, (start, start + length), self.now, kept=True)
        if sum(rooms) and not self._ask(wish, sum(rooms), start, length):
            self.auditor.find(self.now, f"{sum(rooms)} {wish.sku} are free, and refused")
        if self._ask(wish, sum(rooms) + 1, start, length):
            self.auditor.find(self.now, f"{sum(rooms)} {wish.sku} are free, and more are held")

    def approve(self, id: str) -> None:
        self.act("approve", lambda: quotes.approve(self.world, self.second, QuoteId(id)))

    def withdraw(self, id: str) -> None:
        offer = self.book.offers[id]

        def then(_: object) -> None:
            offer.over = "withdrawn"

        self.act("withdraw", lambda: quotes.withdraw(self.world, self.admin, QuoteId(id)), then)

    def extend(self, id: str, wish: Wish, needs_approval: bool) -> None:
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
            self.signed(made, [piece], self.noted(quote.terms, prepaid=False))
            if made.commitments[0].amount.amount != offer.monthly:
                self.auditor.find(self.now, f"{made.id} costs another price than was quoted")
            if not open_ or not approved:
                self.auditor.find(self.now, f"{id} was signed, and may not have been")

        made = self.act("sign", lambda: quotes.sign(self.world, self.admin, QuoteId(id)), then)
        if isinstance(made, RackrateError):
            past = quote.during.end <= self.now
            # What is held and not there, as was told, does not become a promise.
            if open_ and approved and not past and not self.short(id):
                self.auditor.find(self.now, f"{id} is held, and cannot be signed: {made.detail}")
            return
        self.deals[made.id] = Rights(quote.sku, made.terms)
        self.follow(made.id)
        self.hand_over(made.id)
