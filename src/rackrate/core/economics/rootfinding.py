"""Every real root of a sum of discounted flows: no starting guess, and none missed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

# Rates are searched as s = log(1 + rate): from -100% + 2e-16, the nearest that a float can say,
# up to 4e15.
LIMIT = 36.0
STEPS = 200
NOTHING = 1e-15


@dataclass(frozen=True, slots=True)
class Root:
    """Where the present value is zero, and whether it falls there as the rate rises.

    It falls (-1) for an investment, rises (+1) for a borrowing, and may just touch zero (0).
    """

    rate: float
    slope: int

    @property
    def falls(self) -> bool:
        return self.slope < 0


@dataclass(frozen=True, slots=True)
class Flows:
    """Flows at distinct times, in order of time, none zero; kept as sign and logarithm."""

    times: NDArray[np.float64]
    signs: NDArray[np.float64]
    logs: NDArray[np.float64]

    @property
    def changes(self) -> int:
        return int(np.count_nonzero(self.signs[1:] != self.signs[:-1]))

    def sign(self, s: float) -> int:
        """The sign of the present value at log rate `s`; 0 where it drowns in rounding."""
        exponents = self.logs - self.times * s
        terms = self.signs * np.exp(exponents - exponents.max())
        value = math.fsum(terms)
        noise = 4 * np.finfo(np.float64).eps * math.fsum(np.abs(terms)) * (1 + abs(s))
        return 0 if abs(value) <= noise else (1 if value > 0 else -1)

    def derived(self) -> "Flows":
        """The derivative after a shift in time to the first change of sign: one change fewer.

        Between two roots of a function lies one of its derivative (Rolle), and a shift in time
        moves no root: the step of Descartes' rule of signs for sums of exponentials
        (Pólya and Szegő, Problems and Theorems in Analysis II, part V, chapter 1, no. 77).
        """
        first = int(np.flatnonzero(self.signs[1:] != self.signs[:-1])[0])
        middle = (self.times[first] + self.times[first + 1]) / 2
        away = middle - self.times
        logs = self.logs + np.log(np.abs(away))
        return Flows(self.times, self.signs * np.sign(away), logs - logs.max())


def flows(dated: Sequence[tuple[float, float]]) -> Flows:
    """From (time, amount) in any order; amounts at one time are added."""
    sums: dict[float, list[float]] = {}
    for time, amount in dated:
        if not (math.isfinite(time) and math.isfinite(amount)):
            raise ValueError(f"not a flow: {amount} at {time}")
        sums.setdefault(time, []).append(amount)
    kept = [(t, total) for t in sorted(sums) if (total := math.fsum(sums[t]))]
    amounts = np.array([amount for _, amount in kept], dtype=np.float64)
    times = np.array([time for time, _ in kept], dtype=np.float64)
    return Flows(times, np.sign(amounts), np.log(np.abs(amounts)))


def roots(dated: Sequence[tuple[float, float]]) -> tuple[Root, ...]:
    """Every rate above -100% at which the flows are worth nothing now, lowest first."""
    return tuple(
        Root(math.expm1(s) if abs(s) > NOTHING else 0.0, slope) for s, slope in _roots(flows(dated))
    )


def _roots(present: Flows) -> list[tuple[float, int]]:
    """Between neighbouring extremes the shifted value is monotone: a change of sign is one root."""
    if not present.changes:
        return []
    extremes = [s for s, _ in _roots(present.derived())]
    ends = [(s, present.sign(s)) for s in (-LIMIT, *extremes, LIMIT)]
    found = [(s, 0) for s, sign in ends[1:-1] if sign == 0]
    for (low, before), (high, after) in pairwise(ends):
        if before * after < 0:
            found.append((_bisect(present, low, high), -before))
    return sorted(found)


def _bisect(present: Flows, low: float, high: float) -> float:
    """Halves [low, high] until no float lies between, or the value drowns in rounding."""
    rising = present.sign(high)
    for _ in range(STEPS):
        middle = (low + high) / 2
        sign = present.sign(middle)
        if sign == 0 or middle in (low, high):
            return _centre(present, middle, low, high) if sign == 0 else middle
        if sign == rising:
            high = middle
        else:
            low = middle
    return (low + high) / 2


def _centre(present: Flows, zero: float, low: float, high: float) -> float:
    """The middle of the band around `zero` in which the sign cannot be told."""
    left, right = zero, zero
    for _ in range(STEPS):
        middle = (low + left) / 2
        if middle in (low, left):
            break
        low, left = (low, middle) if present.sign(middle) == 0 else (middle, left)
    for _ in range(STEPS):
        middle = (right + high) / 2
        if middle in (right, high):
            break
        right, high = (middle, high) if present.sign(middle) == 0 else (right, middle)
    return (left + right) / 2
