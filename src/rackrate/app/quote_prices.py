"""What the lines of a quote cost, and what the whole of it would cost with an alternative."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rackrate.app.asking import Wanted, line_name
from rackrate.core.alternatives import Alternative, AlternativeLine, Way
from rackrate.core.contract import (
    Commitment,
    CommitmentKind,
    Costing,
    Terms,
    mean_month,
    value_of,
)
from rackrate.core.contract_price import ContractPrice, whole_months
from rackrate.core.errors import Invalid, Reason, Refused
from rackrate.core.ids import SkuId
from rackrate.core.interval import Interval, Month
from rackrate.core.money import Money, half_up_ratio
from rackrate.core.parties import Customer
from rackrate.core.promise import Assigned
from rackrate.core.quote import (
    Priced,
    QuoteLine,
    as_listed,
    lowest,
    most_a_month,
    most_at_once,
    priced,
    priced_by_hand,
)
from rackrate.core.several import Candidate, Want, moved
from rackrate.core.tax import TaxRule
from rackrate.core.treatment import Supply, TaxTable

BY_HAND = "per calendar month, before VAT, as agreed: no contract price was in force"
AGREED = {
    CommitmentKind.SERVICE: "per calendar month, as agreed",
    CommitmentKind.ONE_OFF: "once, as agreed",
    CommitmentKind.FLEX: "held per calendar month, and used by the hour, as agreed",
    CommitmentKind.USE: "at least, as agreed",
}
IN_ALL = "in all, as agreed; of a month its share"


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """A line as it would be signed. `possible` nodes of it can be promised beside those before."""

    line: QuoteLine
    priced: Priced | None
    possible: int = 0
    placed: Assigned = ()


@dataclass(frozen=True, slots=True)
class Offered:
    """An alternative with what the whole quote would cost then; None where it has no price."""

    what: Alternative
    commitments: tuple[Commitment, ...]
    monthly: Money | None
    value: Money | None


@dataclass(frozen=True, slots=True)
class Taxed:
    """What was asked for: amounts with tax `inside`, or before it, and by which rules it is."""

    inside: bool
    table: TaxTable
    month: Month

    @property
    def basis(self) -> str:
        return f"{'VAT inside' if self.inside else 'before VAT'}, as agreed"

    def rule(self, each: Wanted) -> TaxRule:
        supply = each.commitment.supply or (each.sku.supply if each.sku else Supply.SERVICE)
        return self.table.rule(supply, self.month)


class Prices:
    """The lines of one quote, priced by term and volume: the most nodes of a SKU at any instant.

    Amounts are as `taxed` says, or else as the list's.
    """

    def __init__(
        self,
        customer: Customer,
        asked: Sequence[Wanted],
        terms: Terms,
        taxed: Taxed | None = None,
    ) -> None:
        self._customer, self._asked, self._terms, self._taxed = customer, asked, terms, taxed
        self._zone = customer.time_zone
        self._by_number = {each.commitment.number: each for each in asked}

    def lines(self, wants: Sequence[Want]) -> tuple[AnswerLine, ...]:
        """Every line; Refused `not_priced`, with the line named, where nothing says its price."""
        known, volumes = {want.number: want for want in wants}, _volumes(wants)
        found = []
        for each in self._asked:
            want = known.get(each.commitment.number)
            if want is None:
                found.append(AnswerLine(self._agreed(each.commitment), None))
                continue
            try:
                cost = self._priced(want.what, each, volumes[want.what.sku])
            except Refused as no:
                raise self._named(no, each) from None
            volume = volumes[want.what.sku]
            line = self._low(_line(each.commitment, cost, volume), each, cost)
            found.append(AnswerLine(line, cost))
        return tuple(found)

    def of(self, wants: Sequence[Want]) -> tuple[Priced | None, ...]:
        """Lines of an alternative: what stayed as it was at its price, the others at the list and
        the same discount; None where the list has no price.
        """
        volumes = _volumes(wants)
        return tuple(self._like(want, volumes[want.what.sku]) for want in wants)

    def offered(self, what: Alternative, origin: Interval) -> Offered:
        """`origin` is what the nodes were asked over: services and one-offs move with them."""
        if any(line.priced is None for line in what.lines):
            return Offered(what, (), None, None)
        to = what.during.start if what.way is Way.LATER else origin.start
        lines = {line.number: line for line in what.lines}
        commitments = []
        for each in (asked.commitment for asked in self._asked):
            if each.sku is None:
                during = moved(each.during, origin.start, to, self._zone)
                commitments.append(replace(each, during=during))
            elif each.number in lines:
                commitments.append(_instead(each, lines[each.number]))
        start = min(each.during.start for each in commitments)
        costing = Costing.of(self._terms, start, self._zone)
        value = value_of(commitments, costing, self._customer.currency)
        return Offered(what, tuple(commitments), most_a_month(commitments), value)

    def _low(self, line: QuoteLine, asked: Wanted, cost: Priced) -> QuoteLine:
        """Steps and indices may bring it below what one person may give alone."""
        each, price = line.commitment, cost.price
        if self._taxed is not None and asked.by_hand is not None:
            of = "in all" if each.total is not None else "per calendar month"
            line = replace(line, basis=f"{of}, {self._taxed.basis}")
        if price is None or cost.tier is None:
            return line
        start = min(one.commitment.during.start for one in self._asked)
        mean = mean_month(each, Costing.of(self._terms, start, self._zone))
        low = self._as_listed(asked, price, mean) < lowest(
            price, line.months, each.nodes, line.volume
        )
        return replace(line, needs_approval=line.needs_approval or low)

    def _agreed(self, commitment: Commitment) -> QuoteLine:
        """What is no capacity has the price that somebody named."""
        months = whole_months(commitment.during, self._zone)
        basis = AGREED[commitment.kind] if commitment.total is None else IN_ALL
        return QuoteLine(commitment, basis=basis, months=months)

    def _priced(self, what: Candidate, each: Wanted, volume: int) -> Priced:
        line, price = each.commitment, what.price
        months = whole_months(line.during, self._zone)
        if line.kind is CommitmentKind.FLEX:
            return _held(line, months, line.nodes)
        if each.by_hand is not None:
            return self._by_hand(each, price, months, volume)
        if price is None:
            raise Refused(
                Reason.NOT_PRICED,
                f"{what.sku} has no contract price in {self._customer.currency}; name one "
                "yourself, which a second person approves",
                {"sku": what.sku, "currency": self._customer.currency},
            )
        if self._taxed is not None and self._taxed.inside != price.tax_included:
            tax = "with tax inside" if price.tax_included else "before tax"
            raise Invalid("tax_included", f"the list of {what.sku} is {tax}: name its price")
        return priced(price, months, line.nodes, each.discount_percent, volume)

    def _by_hand(
        self, each: Wanted, price: ContractPrice | None, months: int, volume: int
    ) -> Priced:
        """At what somebody names, compared with the list in the list's terms of tax."""
        assert each.by_hand is not None
        alike = each.by_hand if price is None else self._as_listed(each, price, each.by_hand)
        cost = priced_by_hand(price, months, each.commitment.nodes, alike, volume)
        return replace(cost, monthly=each.by_hand, total=each.commitment.total)

    def _as_listed(self, each: Wanted, price: ContractPrice, amount: Money) -> Money:
        if self._taxed is None:
            return amount
        return as_listed(price, amount, self._taxed.inside, self._taxed.rule(each))

    def _like(self, want: Want, volume: int) -> Priced | None:
        each = self._by_number[want.number]
        months = whole_months(want.during, self._zone)
        before = each.commitment
        if before.kind is CommitmentKind.FLEX:
            alike = before.sku == want.what.sku
            return _held(before, months, want.wish.nodes) if alike else None
        same = (before.sku, before.nodes) == (want.what.sku, want.wish.nodes)
        if each.by_hand is not None and same and months == whole_months(before.during, self._zone):
            return self._by_hand(each, want.what.price, months, volume)
        if want.what.price is None:
            return None
        if self._taxed is not None and self._taxed.inside != want.what.price.tax_included:
            return None
        try:
            discount = each.discount_percent
            return priced(want.what.price, months, want.wish.nodes, discount, volume)
        except Refused:
            return None

    def _named(self, no: Refused, each: Wanted) -> Refused:
        name = line_name(each.commitment.number, len(self._asked))
        if not name:
            return no
        facts = {**no.facts, "line": each.commitment.number}
        return Refused(no.reason, f"{name}, {each.commitment.what}: {no.detail}", facts)


def _held(line: Commitment, months: int, nodes: int) -> Priced:
    """What so many flexible nodes cost, held: no matrix has a price for that."""
    minor = half_up_ratio(line.amount.minor * nodes, line.nodes)
    cost = priced_by_hand(None, months, nodes, Money(minor, line.amount.currency))
    return replace(cost, needs_approval=False)


def tax_included(lines: Sequence[AnswerLine]) -> bool:
    """As the prices say, all of them: a contract is in one or the other."""
    said = {each.priced.price.tax_included for each in lines if each.priced and each.priced.price}
    if len(said) > 1:
        raise Invalid("lines", "have prices with tax and prices without: make one quote for each")
    return said == {True}


def _volumes(wants: Sequence[Want]) -> dict[SkuId, int]:
    return {
        sku: most_at_once((w.during, w.wish.nodes) for w in wants if w.what.sku == sku)
        for sku in {want.what.sku for want in wants}
    }


def _line(commitment: Commitment, cost: Priced, volume: int) -> QuoteLine:
    price, tier = cost.price, cost.tier
    return QuoteLine(
        replace(commitment, amount=cost.monthly, total=cost.total, hourly=cost.hourly),
        "" if price is None else price.id,
        0 if tier is None else tier.months,
        0 if tier is None else tier.nodes,
        None if price is None or tier is None else price.of_node(tier),
        AGREED.get(commitment.kind, BY_HAND)
        if price is None
        else price.basis
        if tier is None
        else price.stated(tier),
        cost.discount_percent,
        cost.months,
        volume,
        cost.needs_approval,
    )


def _instead(each: Commitment, line: AlternativeLine) -> Commitment:
    assert line.priced is not None
    return replace(
        each,
        during=line.during,
        amount=line.priced.monthly,
        total=line.priced.total,
        hourly=line.priced.hourly,
        sku=line.sku,
        site=line.site,
        nodes=line.nodes,
        same_block=line.same_block,
    )
