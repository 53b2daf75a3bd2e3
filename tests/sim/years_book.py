"""What was agreed in simulated years, written down from the answers alone: a book of its own."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal


@dataclass(frozen=True, slots=True)
class Piece:
    """So many nodes of one chip at one site, agreed in a contract from `start` to `end`."""

    site: str
    chip: str
    nodes: int
    start: datetime
    end: datetime


@dataclass(slots=True)
class Offered:
    """A quote as its author was told it, and what became of it."""

    nodes: int
    start: datetime
    end: datetime
    expires: datetime
    monthly: Decimal
    same_block: bool
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


@dataclass
class Book:
    """Contracts as pieces by number, and quotes as they were told."""

    agreed: dict[str, dict[int, Piece]] = field(default_factory=lambda: defaultdict(dict))
    offers: dict[str, Offered] = field(default_factory=dict)
    terms: dict[str, datetime] = field(default_factory=dict)
    followed: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    def signed(self, contract: str, pieces: Iterable[Piece]) -> None:
        self.agreed[contract] = dict(enumerate(pieces, 1))
        self.terms[contract] = max(piece.end for piece in self.agreed[contract].values())

    def more(self, contract: str, piece: Piece) -> None:
        self.agreed[contract][len(self.agreed[contract]) + 1] = piece

    def fewer(self, contract: str, number: int, nodes: int, at: datetime) -> None:
        old = self.agreed[contract][number]
        self.agreed[contract][number] = replace(old, end=at)
        self.followed[contract].add(number)
        self.more(contract, replace(old, nodes=nodes, start=at))

    def extended(self, contract: str, number: int, until: datetime) -> None:
        old = self.agreed[contract][number]
        self.followed[contract].add(number)
        self.more(contract, replace(old, start=old.end, end=until))

    def swapped(self, contract: str, number: int, piece: Piece) -> None:
        old = self.agreed[contract][number]
        self.agreed[contract][number] = replace(old, end=piece.start)
        self.followed[contract].add(number)
        self.more(contract, piece)

    def renewed(self, contract: str, months: int) -> None:
        """What lasts to the end of the term or beyond, each from its own end."""
        pieces = self.agreed[contract].items()
        for number, piece in [(n, p) for n, p in pieces if p.end >= self.terms[contract]]:
            if number not in self.followed[contract]:
                self.followed[contract].add(number)
                end = month_end(piece.end, months)
                self.more(contract, replace(piece, start=piece.end, end=end))

    def ended(self, contract: str, at: datetime) -> None:
        for number, piece in self.agreed[contract].items():
            self.agreed[contract][number] = replace(piece, end=max(piece.start, min(piece.end, at)))

    def promised_to(self, contract: str, at: datetime) -> Counter[tuple[str, str]]:
        """Nodes that the contract is promised at an instant, by site and chip."""
        found: Counter[tuple[str, str]] = Counter()
        for piece in self.agreed[contract].values():
            if piece.start <= at < piece.end:
                found[(piece.site, piece.chip)] += piece.nodes
        return found


def price(tiers: list[tuple[int, int, int]], months: int, nodes: int, discount: Decimal) -> Decimal:
    """By the cell with the longest term and the largest volume that the wish reaches."""
    reached = [(m, n, amount) for m, n, amount in tiers if m <= months and n <= nodes]
    amount = Decimal(max(reached)[2]) * nodes * (100 - discount) / 100
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
