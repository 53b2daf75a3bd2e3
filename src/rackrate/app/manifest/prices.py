"""Prices as files mean them: fitted to their SKU, worked out by rule, and never backdated."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from rackrate.app.manifest.documents.reading import Declarations, Declared
from rackrate.app.manifest.tree import Problem
from rackrate.core.contract_price import ContractPrice, PriceUnit
from rackrate.core.inventory import Node, Sku
from rackrate.core.parties import Customer
from rackrate.core.price_index import IndexValue, PriceIndex, in_force
from rackrate.core.price_rule import (
    Basis,
    Ground,
    circle,
    follow_ups,
    following,
    worked_out_again,
)
from rackrate.core.pricing import Price, PriceBook, Unit

FOLLOWED = (Price, ContractPrice, IndexValue)
BY_GPU = frozenset({Unit.GPU_SECOND, Unit.GPU_HOUR})
BY_NODE = frozenset({Unit.NODE_MONTH, Unit.PFLOPS_MONTH})


class Rows(Protocol):
    """What files declare over what is stored."""

    def get(self, kind: type, id: str) -> Any | None: ...

    def all(self, kind: type) -> dict[Any, Any]: ...

    def stored(self, kind: type) -> dict[str, Any]: ...


def settled(
    declared: Declarations, rows: Rows, now: datetime
) -> tuple[list[Declared], list[Problem]]:
    """All rows, with prices as they will be written, and those that rules make of them besides."""
    if not any(isinstance(one.row, FOLLOWED) for one in declared.rows):
        return declared.rows, []
    settling = _Settling(declared, rows, now)
    return settling.rows, settling.problems


class _Settling:
    def __init__(self, declared: Declarations, rows: Rows, now: datetime) -> None:
        self.problems: list[Problem] = []
        self._known, self._now = rows, now
        self._basis = Basis(
            rows.all(ContractPrice).values(),
            {sku.id: sku.slots for sku in rows.all(Sku).values()},
            rows.all(PriceIndex).values(),
            rows.all(IndexValue).values(),
        )
        self._parts = _parts_of(rows.all(Node)) if _by_gpu(declared) else {}
        self.rows = [self._fitted(one) for one in declared.rows]
        self._refuse_circles()
        try:
            self._by_rule()
            if not self.problems:
                self._follow()
        except ValueError as error:
            first = next(one for one in self.rows if isinstance(one.row, FOLLOWED))
            self._wrong(first, [f"what follows of it is wrong: {error}"])

    def _fitted(self, one: Declared) -> Declared:
        """With as many slots as its unit is, for this SKU."""
        price = one.row
        if not isinstance(price, Price):
            return one
        sku = None if price.sku is None else self._known.get(Sku, price.sku)
        self._wrong(one, _misfits(price, sku, self._known))
        if price.rule is not None:
            index = self._known.get(PriceIndex, price.rule.index or "")
            if index is None:
                return one
            price = replace(price, unit=index.unit)
            one = replace(one, row=price)
        if sku is None:
            return one
        if price.unit in BY_NODE:
            return replace(one, row=replace(price, slots=sku.slots))
        if price.unit not in BY_GPU:
            return one
        parts = self._parts.get((sku.site, sku.chip), set())
        if len(parts) != 1:
            found = "are cut differently" if parts else "are not known yet"
            self._wrong(one, [f"nodes of {sku.chip} at {sku.site} {found}: price {sku.id} by slot"])
            return one
        return replace(one, row=replace(price, slots=next(iter(parts))))

    def _refuse_circles(self) -> None:
        book = PriceBook(p for p in self._prices(set()) if p.site is None and p.customer is None)
        for one in self.rows:
            way = circle(one.row, book) if isinstance(one.row, Price) else ""
            if way and (one.row.rule.of, one.row.rule.sku) != (one.row.klass, one.row.sku):
                said = f"{one.row.sku} {one.row.klass} follows itself, by way of {way}"
                self._wrong(one, [said])

    def _by_rule(self) -> None:
        """Work out what follows another price, in whatever order they are written."""
        if self.problems:
            return
        waiting = [n for n, one in enumerate(self.rows) if _rule_of(one) is not None]
        while waiting:
            ground = self._ground(set(waiting))
            made: dict[int, Price] = {}
            for place in waiting:
                price = self.rows[place].row
                now = following(price, ground, price.effective)
                made |= {} if now is None else {place: now}
            for place, price in made.items():
                if price.tax_included != self.rows[place].row.tax_included:
                    self._wrong(self.rows[place], [_TAX.format(price)])
                self.rows[place] = replace(self.rows[place], row=price)
            if not made:
                break
            waiting = [place for place in waiting if place not in made]
        for place in waiting:
            price = self.rows[place].row
            at = f"{price.effective:%Y-%m-%d %H:%M} UTC"
            detail = f"{price.sku} follows {price.rule}, which has no price in {price.currency}"
            self._wrong(self.rows[place], [f"{detail} at {at}"])

    def _ground(self, waiting: set[int]) -> Ground:
        return Ground(self._prices(waiting), self._basis)

    def _prices(self, without: set[int]) -> list[Price]:
        declared = {
            one.row.id: one.row
            for place, one in enumerate(self.rows)
            if isinstance(one.row, Price) and place not in without
        }
        left_out = {self.rows[place].row.id for place in without}
        stored = {id: p for id, p in self._known.stored(Price).items() if id not in left_out}
        return list({**stored, **declared}.values())

    def _follow(self) -> None:
        """What these files change, other prices follow: those to come, and from now on all."""
        again = worked_out_again(self._prices(set()), self._basis, self._now)
        self._replace(again)
        prices, ground = self._prices(set()), self._ground(set())
        self._refuse_late(prices, ground)
        for price in follow_ups(prices, self._basis):
            self.rows.append(replace(self._cause(price), row=price))

    def _replace(self, again: Mapping[str, Price]) -> None:
        """Prices that have not begun are what was worked out last."""
        left = dict(again)
        for place, one in enumerate(self.rows):
            if isinstance(one.row, Price) and one.row.id in left:
                self.rows[place] = replace(one, row=left.pop(one.row.id))
        self.rows += [replace(self._cause(price), row=price) for price in left.values()]

    def _refuse_late(self, prices: Collection[Price], ground: Ground) -> None:
        """What has been sold at a price is not changed by what it should have followed."""
        for price in prices:
            again = following(price, ground, price.effective)
            if again is not None and again.amount != price.amount:
                detail = (
                    f"{price.sku} is {price.amount} from {price.effective:%Y-%m-%d %H:%M} UTC, "
                    f"{price.rule}, and would be {again.amount}: what it follows changes later"
                )
                self._wrong(self._cause(price), [detail])

    def _cause(self, price: Price) -> Declared:
        """The document that makes a price follow: that of what it follows."""
        followed = None if price.rule is None else price.rule.index or price.rule.sku
        priced = [one for one in self.rows if isinstance(one.row, FOLLOWED)]
        near = [one for one in priced if _of(one.row) == followed] or priced
        return next((one for one in near if one.row.effective == price.effective), near[0])

    def _wrong(self, one: Declared, details: Iterator[str] | list[str]) -> None:
        self.problems += [Problem(one.file, one.line, detail) for detail in details]


_TAX = "{0.sku} follows {0.rule}, of which the tax is {0.tax_included}: say the same `tax_included`"


def backdated(row: Price, stored: Mapping[str, Any], now: datetime) -> Iterator[str]:
    """A price may not change what has been sold at another: it begins later, or fills a gap."""
    for other in stored.values():
        same = (other.item, other.klass, other.currency) == (row.item, row.klass, row.currency)
        if same and other.effective < now and (other.until is None or other.until > row.effective):
            what = f"{row.klass} " if row.klass else ""
            yield (
                f"{row.item} has had a {what}price since {other.effective:%Y-%m-%d %H:%M} "
                f"UTC; a price that supersedes it is effective after now, {now:%Y-%m-%d %H:%M} UTC"
            )
            return


def follows_anew(old: object, new: object, now: datetime) -> bool:
    """Whether it is a price by rule that has not begun, and is only worked out again."""
    if not isinstance(old, Price) or not isinstance(new, Price):
        return False
    return old.rule is not None and old.rule == new.rule and old.effective > now


def late_values(row: IndexValue, stored: Mapping[str, Any], now: datetime) -> Iterator[str]:
    """An index may have a past when it is new; after that it is published for what is to come."""
    latest = in_force((each for each in stored.values() if each.index == row.index), now)
    if latest is not None:
        yield (
            f"index {row.index} has had values since before {latest.effective:%Y-%m-%d %H:%M} UTC; "
            f"another is from now on at the earliest, {now:%Y-%m-%d %H:%M} UTC"
        )


def _of(row: Price | ContractPrice | IndexValue) -> str | None:
    """What a rule calls it, by."""
    return row.index if isinstance(row, IndexValue) else row.sku


def matrix_misfits(row: ContractPrice, known: Rows) -> Iterator[str]:
    """A price by the GPU says how many GPUs a node has; the nodes that are there know better."""
    sku = known.get(Sku, row.sku)
    if sku is not None and not sku.whole_node:
        yield f"sku {row.sku!r} is not whole nodes, which is what contracts are for"
    if sku is None or row.unit not in (PriceUnit.GPU_MONTH, PriceUnit.GPU_HOUR):
        return
    here = (sku.site, sku.chip)
    gpus = {each.gpus for each in known.all(Node).values() if (each.site, each.chip) == here}
    if gpus and int(row.per_node) not in gpus:
        listed = ", ".join(str(count) for count in sorted(gpus))
        yield f"`gpus`: nodes of {row.sku} have {listed} GPUs, not {row.per_node:f}"


def _rule_of(one: Declared) -> object | None:
    return one.row.rule if isinstance(one.row, Price) else None


def _misfits(price: Price, sku: Sku | None, known: Rows) -> Iterator[str]:
    if sku is not None and price.site not in (None, sku.site):
        yield f"sku {sku.id!r} is at site {sku.site!r}, not at {price.site!r}"
    if sku is not None and price.unit is Unit.NODE_MONTH and not sku.whole_node:
        yield f"sku {sku.id!r} is not whole nodes: it has no price of a node"
    rule = price.rule
    index = known.get(PriceIndex, rule.index) if rule is not None and rule.index else None
    if index is not None and index.currency != price.currency:
        yield f"index {index.id!r} is in {index.currency}, and this price in {price.currency}"
    if index is not None and sku is not None and not sku.whole_node and index.unit in BY_NODE:
        yield f"index {index.id!r} is of nodes, and sku {sku.id!r} is not whole nodes"
    alone = price.site is None and price.customer is None
    if rule is not None and alone and (rule.of, rule.sku) == (price.klass, price.sku):
        yield f"{price.sku} cannot follow its own {price.klass} price"
    customer = None if price.customer is None else known.get(Customer, price.customer)
    if customer is not None and customer.currency != price.currency:
        yield f"customer {customer.id!r} pays in {customer.currency}, not in {price.currency}"


def _by_gpu(declared: Declarations) -> bool:
    rows = (one.row for one in declared.rows)
    return any(
        isinstance(row, Price) and (row.unit in BY_GPU or row.rule is not None) for row in rows
    )


def _parts_of(nodes: Mapping[str, Node]) -> dict[tuple[str, str], set[int]]:
    """Into how many slots a GPU is cut, of each chip at each site."""
    parts: dict[tuple[str, str], set[int]] = {}
    for node in nodes.values():
        parts.setdefault((node.site, node.chip), set()).add(node.parts)
    return parts
