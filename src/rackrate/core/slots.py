"""Which parts of a node: a set of slot numbers, held as the bits of one integer."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Slots:
    """A set of slots of one node. Bit i set means slot i. May be empty only as a result."""

    bits: int

    def __post_init__(self) -> None:
        if self.bits < 0:
            raise ValueError(f"not slots: {self.bits}")

    def __len__(self) -> int:
        return self.bits.bit_count()

    def __iter__(self) -> Iterator[int]:
        bits = self.bits
        while bits:
            low = bits & -bits
            yield low.bit_length() - 1
            bits ^= low

    def __str__(self) -> str:
        return ",".join(
            str(start) if end == start + 1 else f"{start}-{end - 1}" for start, end in self.ranges()
        )

    def __and__(self, other: "Slots") -> "Slots":
        return Slots(self.bits & other.bits)

    def __or__(self, other: "Slots") -> "Slots":
        return Slots(self.bits | other.bits)

    def ranges(self) -> tuple[tuple[int, int], ...]:
        """Half-open runs of neighbouring slots, as the database stores them."""
        runs: list[tuple[int, int]] = []
        for slot in self:
            if runs and runs[-1][1] == slot:
                runs[-1] = (runs[-1][0], slot + 1)
            else:
                runs.append((slot, slot + 1))
        return tuple(runs)

    @classmethod
    def of(cls, slots: Iterable[int]) -> "Slots":
        bits = 0
        for slot in slots:
            bits |= 1 << slot
        return cls(bits)

    @classmethod
    def from_ranges(cls, ranges: Iterable[tuple[int, int]]) -> "Slots":
        bits = 0
        for start, end in ranges:
            bits |= (1 << end) - (1 << start)
        return cls(bits)

    @classmethod
    def parse(cls, text: str) -> "Slots":
        """From `0-3,7`, the form that `str` writes."""
        bits = 0
        for run in filter(None, text.split(",")):
            first, _, last = run.partition("-")
            bits |= (1 << (int(last or first) + 1)) - (1 << int(first))
        return cls(bits)


def all_slots(count: int) -> Slots:
    """Slots 0 to `count` - 1."""
    return Slots((1 << count) - 1)


def lowest(free: int, count: int) -> Slots:
    """The `count` lowest slots of the bits `free`, which the caller knows to be enough."""
    chosen = 0
    for _ in range(count):
        low = free & -free
        assert low, "fewer slots are free than were promised"
        chosen |= low
        free ^= low
    return Slots(chosen)
