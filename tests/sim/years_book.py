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

    def signed(self, contract: str, pieces: Iterable[Piece]) -> None:
        self.agreed[contract] = dict(enumerate(pieces, 1))

    def more(self, contract: str, piece: Piece) -> None:
        self.agreed[contract][len(self.agreed[contract]) + 1] = piece

    def fewer(self, contract: str, number: int, nodes: int, at: datetime) -> None:
        old = self.agreed[contract][number]
        self.agreed[contract][number] = replace(old, end=at)
        self.more(contract, replace(old, nodes=nodes, start=at))

    def extended(self, contract: str, number: int, until: datetime) -> None:
        old = self.agreed[contract][number]
        self.more(contract, replace(old, start=old.end, end=until))

    def swapped(self, contract: str, number: int, piece: Piece) -> None:
        old = self.agreed[contract][number]
        self.agreed[contract][number] = replace(old, end=piece.start)
        self.more(contract, piece)

    def renewed(self, contract: str, months: int) -> None:
        end = max(piece.end for piece in self.agreed[contract].values())
        for piece in [one for one in self.agreed[contract].values() if one.end == end]:
            self.more(contract, replace(piece, start=end, end=month_end(end, months)))

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
