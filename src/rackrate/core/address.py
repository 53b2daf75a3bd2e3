"""Public addresses: a site's pool of them, and one that a project holds, wherever it is attached.

A network engine that would set a router up is not here: what is attached is written down.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from itertools import pairwise

from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import CustomerId, LeaseId, ProjectId, SiteId
from rackrate.core.interval import Span, check_instant, month_key, months_between
from rackrate.core.quick import quick

MOST_RANGES, MOST_KEPT = 200, 1000
# So long an address that was given back is given to nobody else.
QUARANTINE, LONGEST_QUARANTINE = timedelta(days=1), timedelta(days=366)
PER_PROJECT, MOST_PER_PROJECT = 16, 10_000
_Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class AddressPool:
    """The public addresses of a site: `ranges` of them, without those that are kept back.

    A range is `192.0.2.0/28`, `192.0.2.4-192.0.2.9` or one address, as `kept_back` is a list of.
    `quarantine` is how long one rests after it was given back. `per_project` is how many a project
    may hold at a time.
    """

    id: str
    site: SiteId
    ranges: tuple[str, ...]
    kept_back: tuple[str, ...] = ()
    quarantine: timedelta = QUARANTINE
    per_project: int = PER_PROJECT

    def __post_init__(self) -> None:
        if not 1 <= len(self.ranges) <= MOST_RANGES or len(self.kept_back) > MOST_KEPT:
            raise ValueError(f"a pool has 1 to {MOST_RANGES} ranges, and keeps back {MOST_KEPT}")
        if not timedelta(0) <= self.quarantine <= LONGEST_QUARANTINE:
            raise ValueError(f"a quarantine is 0 to {LONGEST_QUARANTINE.days} days")
        if not 1 <= self.per_project <= MOST_PER_PROJECT:
            raise ValueError(f"a project holds 1 to {MOST_PER_PROJECT} addresses of a pool")
        bounds = sorted(self.bounds, key=_ordered)
        for (_, last), (first, _) in pairwise(bounds):
            if first.version == last.version and int(first) <= int(last):
                raise ValueError(f"{first} is in two ranges of pool {self.id}")
        for text in self.kept_back:
            if not self.has(text):
                raise ValueError(f"{text} is kept back, and not in pool {self.id}")

    @property
    def bounds(self) -> list[tuple[_Address, _Address]]:
        """First and last of each range."""
        return [_range(text) for text in self.ranges]

    def has(self, text: str) -> bool:
        one = _parsed(text)
        return any(f.version == one.version and _between(f, one, t) for f, t in self.bounds)

    def meets(self, other: "AddressPool") -> str | None:
        """An address that is in both, if there is one."""
        for first, last in self.bounds:
            for start, end in other.bounds:
                if first.version == start.version and int(first) <= int(end) >= int(start):
                    both = max(int(first), int(start))
                    if both <= min(int(last), int(end)):
                        return str(type(first)(both))
        return None

    def lowest_free(self, taken: Collection[str]) -> str | None:
        """The first that nobody has and that is not kept back; None: all are held, or rest."""
        barred = {*taken, *(str(_parsed(text)) for text in self.kept_back)}
        return next((one for one in self._all() if one not in barred), None)

    def _all(self) -> Iterator[str]:
        for first, last in self.bounds:
            kind = type(first)
            for number in range(int(first), int(last) + 1):
                yield str(kind(number))


def _ordered(bounds: tuple[_Address, _Address]) -> tuple[int, int]:
    return bounds[0].version, int(bounds[0])


def _between(first: _Address, one: _Address, last: _Address) -> bool:
    return int(first) <= int(one) <= int(last)


def _parsed(text: str) -> _Address:
    try:
        return ip_address(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an address such as 192.0.2.7 or 2001:db8::7") from None


def _range(text: str) -> tuple[_Address, _Address]:
    """First and last of `192.0.2.0/28`, of `192.0.2.4-192.0.2.9`, or of one address."""
    if "/" in text:
        try:
            network = ip_network(text)
        except ValueError as error:
            raise ValueError(f"{text!r} is not a network such as 192.0.2.0/28: {error}") from None
        return network.network_address, network.broadcast_address
    start, _, end = text.partition("-")
    first, last = _parsed(start), _parsed(end or start)
    if first.version != last.version or int(last) < int(first):
        raise ValueError(f"{text!r} is not a range: it ends before it begins")
    return first, last


@quick
@dataclass(frozen=True, slots=True)
class Address:
    """One public address that a project holds from when it was reserved until it is released.

    It is billed for `during`, attached or not. `rests` is until when it is given to nobody else
    afterwards. `lease` is where it belongs now, since `attached`.
    """

    id: str
    customer: CustomerId
    project: ProjectId
    site: SiteId
    pool: str
    address: str
    name: str
    during: Span
    rests: datetime | None = None
    lease: LeaseId | None = None
    attached: datetime | None = None

    def __post_init__(self) -> None:
        if (self.during.end is None) != (self.rests is None):
            raise ValueError("what was released rests until some instant, and nothing else does")
        if (self.lease is None) != (self.attached is None):
            raise ValueError("what is attached is attached to a lease, since some instant")
        if self.rests is not None:
            check_instant(self.rests)

    @property
    def held(self) -> bool:
        return self.during.end is None

    @property
    def freed(self) -> str:
        """The month, in UTC, in which it may be given to others; empty while it is held."""
        return "" if self.rests is None else month_key(self.rests)

    def attach(self, lease: LeaseId, now: datetime) -> "Address":
        """Where it belongs from now on; the same again changes nothing."""
        self._check_held()
        if self.lease == lease:
            return self
        return replace(self, lease=lease, attached=max(now, self.during.start))

    def detach(self) -> "Address":
        self._check_held()
        return replace(self, lease=None, attached=None)

    def release(self, pool: AddressPool, now: datetime) -> "Address":
        """Billed until now, and for at least a second; twice is once."""
        if not self.held:
            return self
        end = max(now, self.during.start + timedelta(seconds=1))
        over = Span(self.during.start, end)
        return replace(self, during=over, rests=end + pool.quarantine, lease=None, attached=None)

    def _check_held(self) -> None:
        if not self.held:
            raise Refused(Reason.WRONG_STATE, f"{self.id} ({self.address}) was released")


def maybe_busy(now: datetime) -> tuple[str, ...]:
    """What `freed` is of addresses that may still be held, or rest."""
    return ("", *months_between(now, now + LONGEST_QUARANTINE))


def choose(pool: AddressPool, known: Collection[Address], project: ProjectId, now: datetime) -> str:
    """The lowest address that is free; Refused where none is, or the project holds enough.

    `known` are addresses of the pool, of whomever.
    """
    busy = [one for one in known if one.rests is None or now < one.rests]
    own = sum(one.held and one.project == project for one in busy)
    if own >= pool.per_project:
        raise Refused(
            Reason.IN_USE,
            f"{project} holds {own} addresses of {pool.id}, as many as a project may",
            {"held": own, "most": pool.per_project},
        )
    found = pool.lowest_free({one.address for one in busy})
    if found is None:
        rests = min((one.rests for one in busy if one.rests is not None), default=None)
        again = f"; one is free again at {rests:%Y-%m-%d %H:%M} UTC" if rests else ""
        facts = {} if rests is None else {"free_again": rests.isoformat()}
        held = sum(one.held for one in busy)
        raise Refused(
            Reason.NO_CAPACITY, f"none of pool {pool.id} is free, {held} held{again}", facts
        )
    return found
