"""What was agreed in simulated years, written down from the answers alone: a book of its own."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal


@dataclass(frozen=True, slots=True)
class Piece:
    """So many nodes of one chip at one site, agreed in a contract from `start` to `end`.

    `follows` is the piece after which it goes on, 0 for none; with other nodes if `anew`. `monthly`
    is in cents, for all of them. `cut`: it was to last longer.
    """

    site: str
    chip: str
    nodes: int
    start: datetime
    end: datetime
    monthly: int = 1
    follows: int = 0
    anew: bool = False
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What else was agreed. `damages` are percent of a month for a day, and at most how many."""

    acceptance: str = "none"
    damages: tuple[int, int] | None = None
    dedicated: bool = False
    prepaid: bool = False
    renews: tuple[int, datetime] | None = None  # Months, and until when it can be used.


@dataclass(slots=True)
class Batch:
    """Nodes of one piece that are due together, and what became of them."""

    piece: int
    nodes: int
    due: datetime
    delivered: datetime | None = None
    accepted: datetime | None = None


@dataclass(slots=True)
class Offered:
    """A quote as its author was told it, and what became of it."""

    nodes: int
    start: datetime
    end: datetime
    expires: datetime
    monthly: Decimal
    same_block: bool
    dedicated: bool = False
    over: str = ""


def month_end(start: datetime, months: int) -> datetime:
    """The same time of day so many months later, in a zone that is eight hours ahead."""
    local = start + timedelta(hours=8)
    years, month = divmod(local.month - 1 + months, 12)
    for day in (local.day, 30, 29, 28):
        try:
            moved = local.replace(year=local.year + years, month=month + 1, day=min(day, local.day))
        except ValueError:
            continue
        return moved - timedelta(hours=8)
    raise AssertionError(start)


Levels = Counter[tuple[str, str, datetime]]
Answer = dict[int, Piece]


@dataclass
class Book:
    """Contracts as pieces by number, and quotes as they were told."""

    agreed: dict[str, dict[int, Piece]] = field(default_factory=lambda: defaultdict(dict))
    offers: dict[str, Offered] = field(default_factory=dict)
    terms: dict[str, Terms] = field(default_factory=dict)
    batches: dict[str, dict[str, Batch]] = field(default_factory=lambda: defaultdict(dict))
    others: dict[str, tuple[int, datetime, datetime]] = field(default_factory=dict)
    since: dict[str, datetime] = field(default_factory=dict)
    last: dict[str, datetime] = field(default_factory=dict)
    over: set[str] = field(default_factory=set)
    renewed: set[str] = field(default_factory=set)

    # -- what is agreed -------------------------------------------------------------------------

    def signed(
        self, contract: str, now: datetime, asked: Iterable[Piece], terms: Terms, answer: Answer
    ) -> Iterator[str]:
        self.since[contract], self.terms[contract] = now, terms
        self.last[contract] = max(piece.end for piece in asked)
        yield from self.agree(contract, levels(asked), answer)

    def agree(self, contract: str, expected: Levels, answer: Answer) -> Iterator[str]:
        """The pieces are numbered by the answer; that they are as many as was agreed, is checked.

        What has not come, and is due when fewer nodes are left, shrinks with them or goes.
        """
        if levels(answer.values()) != expected:
            yield f"{contract} has become {answer}, and not what was agreed"
        self.agreed[contract] = answer
        batches = self.batches[contract]
        waiting = [(each.due, id) for id, each in batches.items() if not each.delivered]
        taken_out = {id: batches.pop(id) for _, id in waiting}
        for due, id in sorted(waiting):
            batch = taken_out[id]
            there = [p for p in self.lasting(contract, batch.piece) if due < p.end]
            come = sum(each.nodes for each in batches.values() if each.piece == batch.piece)
            nodes = min(there, key=lambda piece: piece.start).nodes - come if there else 0
            if nodes > 0:
                batches[id] = replace(batch, nodes=min(nodes, batch.nodes))

    def due(self, contract: str, number: int, plan: Iterable[tuple[int, datetime]] = ()) -> None:
        """`plan`: how many nodes of a piece are due when; all at its start if empty."""
        piece = self.agreed[contract][number]
        ordered = sorted(plan or [(piece.nodes, piece.start)], key=lambda each: each[1])
        for place, (nodes, at) in enumerate(ordered, 1):
            self.batches[contract][f"{contract}/{number}/{place}"] = Batch(number, nodes, at)

    def plus(self, contract: str, *pieces: Piece) -> Levels:
        """What the contract has with these, too."""
        return levels((*self.agreed[contract].values(), *pieces))

    def fewer(self, contract: str, number: int, nodes: int, at: datetime) -> Levels:
        """Only so many of a piece from then on; what goes on after it has no more either."""
        pieces = dict(self.agreed[contract])
        waiting = [(number, nodes)]
        while waiting:
            id, most = waiting.pop()
            old = pieces[id]
            kept = min(most, old.nodes)
            start = max(at, old.start)
            pieces[id] = replace(old, end=start)
            pieces[-id] = replace(old, nodes=kept, start=start)
            left = kept
            for after in self.followers(contract, id):
                waiting.append((after, left))
                left -= min(left, pieces[after].nodes)
        return levels(pieces.values())

    def swapped(self, contract: str, number: int, place: tuple[str, str], at: datetime) -> Levels:
        """As many of another chip in its place, and of whatever goes on after it."""
        pieces, waiting = dict(self.agreed[contract]), [number]
        while waiting:
            id = waiting.pop()
            old = pieces[id]
            start = max(at, old.start)
            pieces[id] = replace(old, end=start)
            pieces[-id] = replace(old, site=place[0], chip=place[1], start=start)
            waiting += self.followers(contract, id)
        return levels(pieces.values())

    def ended(self, contract: str, at: datetime) -> Levels:
        pieces = self.agreed[contract].values()
        return levels(replace(p, end=max(p.start, min(p.end, at))) for p in pieces)

    def followers(self, contract: str, number: int) -> list[int]:
        pieces = self.agreed[contract].items()
        return [n for n, p in pieces if p.follows == number and p.start < p.end]

    def would_renew(self, contract: str) -> list[Piece]:
        """What lasts to the end of the term or beyond would go on, each from its own end."""
        right = self.terms[contract].renews
        if right is None:
            return []
        return [
            replace(piece, start=piece.end, end=month_end(piece.end, right[0]))
            for number, piece in self.agreed[contract].items()
            if not piece.cut
            and piece.end >= self.last[contract]
            and not self.followers(contract, number)
        ]

    def held(self, contract: str, now: datetime) -> Levels:
        """What is to be held for its right to renew."""
        right = self.terms[contract].renews
        used = contract in self.renewed or contract in self.over
        if right is None or used or right[1] <= now:
            return Levels()
        return levels(self.would_renew(contract))

    def called_off(self, work: str) -> None:
        del self.others[work]

    # -- what comes of it -----------------------------------------------------------------------

    def origin(self, contract: str, number: int) -> int:
        """The piece that first brought the nodes of another."""
        piece = self.agreed[contract][number]
        while piece.follows and not piece.anew:
            number = piece.follows
            piece = self.agreed[contract][number]
        return number

    def lasting(self, contract: str, number: int) -> list[Piece]:
        """A piece and what went on with its nodes."""
        pieces = self.agreed[contract].items()
        return [p for n, p in pieces if p.start < p.end and self.origin(contract, n) == number]

    def handed(self, contract: str, id: str, now: datetime) -> None:
        batch = self.batches[contract][id]
        batch.delivered = batch.delivered or now
        if self.terms[contract].acceptance == "none":
            batch.accepted = now

    def promised_to(self, contract: str, at: datetime) -> Counter[tuple[str, str]]:
        """Nodes that the contract is promised at an instant, by site and chip."""
        found: Counter[tuple[str, str]] = Counter()
        for piece in self.agreed[contract].values():
            if piece.start <= at < piece.end:
                found[(piece.site, piece.chip)] += piece.nodes
        return found


def levels(pieces: Iterable[Piece]) -> Levels:
    """Nodes by site and chip as they change over time."""
    found: Levels = Levels()
    for piece in pieces:
        found[(piece.site, piece.chip, piece.start)] += piece.nodes
        found[(piece.site, piece.chip, piece.end)] -= piece.nodes
    return Levels({key: nodes for key, nodes in found.items() if nodes})


def price(tiers: list[tuple[int, int, int]], months: int, nodes: int, discount: Decimal) -> Decimal:
    """By the cell with the longest term and the largest volume that the wish reaches."""
    reached = [(m, n, amount) for m, n, amount in tiers if m <= months and n <= nodes]
    amount = Decimal(max(reached)[2]) * nodes * (100 - discount) / 100
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
