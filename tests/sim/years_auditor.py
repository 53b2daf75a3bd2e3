"""An auditor of simulated years. It shares no code with what it audits: raw rows and answers in,
findings out. What was agreed it has from a book of its own, and it counts every instant slowly.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import Any

from tests.sim import years_handing as handing
from tests.sim import years_short as short
from tests.sim.years_book import Book, Levels, levels
from tests.sim.years_supply import Supply
from tests.sim.years_words import Words

Rows = Callable[[str], list[Any]]
CHANGEOVER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Step:
    """One stretch of time in one pool: nodes there, and promised."""

    start: datetime
    end: datetime | None
    there: int
    promised: int


def pool_of(node: Any) -> str:
    return f"{node.block}/{node.chip}x{node.gpus}"


def chip_of(pool: str) -> str:
    return pool.split("/")[1].rsplit("x", 1)[0]


def _changes(found: Levels) -> Levels:
    return Levels({key: nodes for key, nodes in found.items() if nodes})


class Auditor:
    """`headroom` has, by site, all that is kept and what of it is for the moment, in percent."""

    def __init__(
        self, rows: Rows, notices: dict[str, timedelta], headroom: dict[str, tuple[int, int]]
    ) -> None:
        self._rows, self.notices, self.headroom = rows, notices, headroom
        self._read: dict[str, list[Any]] | None = None
        self.findings: list[str] = []
        self.seen: Counter[str] = Counter()
        self.book, self.supply = Book(), Supply()
        self.words = Words(notices, self.seen)
        self.breaches: dict[str, Any] = {}
        self.due: datetime | None = None

    def find(self, now: datetime, *what: str) -> None:
        self.findings += [f"{now:%Y-%m-%d %H:%M:%S}: {each}" for each in what]

    def rows(self, name: str) -> list[Any]:
        """All of a table; during one audit it is read once."""
        if self._read is None:
            return self._rows(name)
        if name not in self._read:
            self._read[name] = self._rows(name)
        return self._read[name]

    # -- counting ---------------------------------------------------------------------------------

    def steps(self, now: datetime) -> dict[str, list[Step]]:
        """Every pool from now on, stretch by stretch."""
        changes: dict[str, list[tuple[datetime, int, int]]] = defaultdict(list)

        def count(pool: str, start: datetime, end: datetime | None, nodes: int, what: int) -> None:
            changes[pool].append((max(start, now), what, nodes))
            if end is not None:
                changes[pool].append((end, what, -nodes))

        for own in self.supply.nodes.values():
            for start, end in own.there(now):
                count(own.pool, start, end, 1, 0)
        for row in self.counted(now):
            count(row.pool, row.during.start, row.during.end, row.nodes, 1)
        return {pool: list(self._walk(found, now)) for pool, found in changes.items()}

    def counted(self, now: datetime) -> list[Any]:
        """Promises that are still to be kept."""
        return [
            row
            for row in self.rows("Reservation")
            if now < row.during.end and (row.expires is None or now < row.expires)
        ]

    def _walk(self, changes: list[tuple[datetime, int, int]], now: datetime) -> Iterator[Step]:
        levels = [0, 0]
        times = sorted({now, *(at for at, _, _ in changes)})
        by_time: dict[datetime, list[tuple[int, int]]] = defaultdict(list)
        for at, what, nodes in changes:
            by_time[at].append((what, nodes))
        for at, following in zip(times, [*times[1:], None], strict=True):
            for what, nodes in by_time[at]:
                levels[what] += nodes
            yield Step(at, following, *levels)

    def lodged(self, now: datetime) -> Iterator[tuple[str, datetime]]:
        """Nodes on which something by the moment has its notice still: no promise has them yet."""
        ends: dict[str, datetime] = {}
        for lease in self.rows("Lease"):
            if lease.terms.contract is None and str(lease.wanted) == "running":
                end = lease.until or now + self.notices[lease.terms.site]
                for member in lease.members:
                    ends[member.node] = max(end, ends.get(member.node, end))
        for id, end in ends.items():
            own = self.supply.nodes[id]
            goes = min(end, own.leaves or end, own.drained or end)
            if now < goes:
                yield own.pool, goes

    def room(
        self,
        site: str,
        chip: str,
        span: tuple[datetime, datetime],
        now: datetime,
        *,
        kept: bool,
        alone: bool = False,
    ) -> list[int]:
        """How many nodes of each pool could be promised over `span`, the most first. `alone`: only
        where nobody else is, for somebody who shares with nobody.
        """
        start, end = span
        taken = self.by_the_moment(site)
        pools = {pool_of(node) for node in self.rows("Node") if node.site == site}
        told = now + self.notices[site] + CHANGEOVER
        all_of_it, for_moment = self.headroom[site] if kept else (0, 0)
        found, steps = [], self.steps(now)
        for pool in pools:
            if chip_of(pool) != chip:
                continue
            levels = [0] if pool not in steps else []
            for step in steps.get(pool, ()):
                if step.start < end and (step.end is None or start < step.end):
                    share = ceil(Decimal(step.there) * all_of_it / 100)
                    levels.append(step.there - share - step.promised)
                    if taken[pool] and max(step.start, start) < min(told, end):
                        other = ceil(Decimal(step.there) * (all_of_it - for_moment) / 100)
                        levels.append(step.there - other - step.promised - taken[pool])
                    if alone and (step.promised or (taken[pool] and start < told)):
                        levels.append(0)
            found.append(max(0, min(levels)))
        return sorted(found, reverse=True)

    def by_the_moment(self, site: str) -> Counter[str]:
        """Nodes of each pool on which something runs that is sold by the moment."""
        nodes = {n.id: pool_of(n) for n in self.rows("Node") if str(n.state) != "draining"}
        held = {claim.node for claim in self.rows("Claim") if not claim.account}
        return Counter(nodes[node] for node in held if node in nodes)

    # -- what is audited at every instant ---------------------------------------------------------

    def audit(self, now: datetime, passed: bool, pool: str = "") -> None:
        """`passed`: the loops have looked since anything changed; or the act did, at one pool."""
        self._read = {}
        if self.due is not None and self.due < now:
            self.find(now, f"nobody looked at {self.due:%Y-%m-%d %H:%M:%S}")
        self.find(now, *self.supply.wrong(self.rows("Node"), now))
        self._shortages(now, passed, pool)
        self._reports(now, passed)
        self._holds(now)
        self._contracts(now)
        self._others(now)
        self._slots(now)
        self.find(now, *self.words.hear(self.rows("Lease"), now))
        self.find(now, *handing.wrong(self.book, self.rows, now))
        self.due = min(self.instants(now), default=None)
        self.seen["audits"] += 1
        self._read = None

    def instants(self, now: datetime) -> Iterator[datetime]:
        """When time alone changes something."""
        known: list[datetime | None] = []
        for own in self.supply.nodes.values():
            known += [] if own.gone else [own.leaves, own.comes, own.drained, own.back]
        for row in self.rows("Reservation"):
            known += [row.during.start, row.during.end, row.expires]
        for lease in self.rows("Lease"):
            known += [lease.until, self.words.hears_by(lease)]
        yield from (at for at in known if at is not None and now < at)

    def _grounds(self, now: datetime) -> Iterator[tuple[str, short.Ground]]:
        """Every pool with what is there and promised, from the auditor's book."""
        there: dict[str, list[tuple[datetime, datetime | None]]] = defaultdict(list)
        lodged: dict[str, list[tuple[datetime, datetime | None]]] = defaultdict(list)
        promises: dict[str, list[Any]] = defaultdict(list)
        for own in self.supply.nodes.values():
            there[own.pool] += own.there(now)
        for pool, end in self.lodged(now):
            lodged[pool].append((now, end))
        for row in self.counted(now):
            promises[row.pool].append(row)
        for pool, rows in promises.items():
            served = self.supply.served(pool, now)
            yield pool, short.Ground(there[pool], lodged[pool], rows, served, self.book.since)

    def _shortages(self, now: datetime, passed: bool, looked_at: str) -> None:
        """Who is short is written down the moment that it is so; nobody else, once loops looked."""
        written = defaultdict(list)
        for row in self.rows("Breach"):
            if row.mended is None and now < row.during.end:
                written[row.pool].append(row)
        for pool, ground in self._grounds(now):
            exactly = passed or pool == looked_at
            for step in short.steps(ground, written[pool], now):
                self.seen["short"] += bool(step.lacking)
                what = f"{pool} lacks {step.owed} from {step.start} to {step.end}, reported"
                if step.reported < step.lacking:
                    self.find(now, f"{what} {step.reported}: {step.told}")
                elif exactly and step.reported > step.lacking:
                    self.find(now, f"{what} {step.reported}, which is too many: {step.told}")
                elif exactly and step.owed != step.told:
                    self.find(now, f"{what} of others: {step.told}")

    def _reports(self, now: datetime, passed: bool) -> None:
        """What is written down is true, and was written when it became so. A right that moves with
        what it would renew keeps its row: what it lacks is told anew when the loops look.
        """
        held = {row.id: row for row in self.rows("Reservation")}
        for row in self.rows("Breach"):
            before = self.breaches.get(row.id)
            if before is None and row.at != now:
                self.find(now, f"breach {row.id} is new, and said to be of {row.at}")
            if row.mended not in (None, now) and (before is None or before.mended != row.mended):
                self.find(now, f"breach {row.id} is mended now, and said to be so at {row.mended}")
            self.breaches[row.id] = row
            if row.mended is not None or row.during.end <= now or row.reservation not in held:
                continue
            whose = held[row.reservation]
            inside = whose.during.start <= row.during.start and row.during.end <= whose.during.end
            same = (row.holder, row.pool, row.customer) == (
                whose.holder,
                whose.pool,
                whose.customer,
            )
            cut = not passed or whose.during.end < row.during.end
            if row.at > now or not same or not (cut or (inside and row.nodes <= whose.nodes)):
                self.find(now, f"breach {row.id} says what its promise {whose.id} does not")

    def _holds(self, now: datetime) -> None:
        rows: dict[str, list[Any]] = defaultdict(list)
        for row in self.rows("Reservation"):
            if str(row.kind) == "hold" and not row.renews:
                rows[row.holder].append(row)
        for id, offer in self.book.offers.items():
            found = rows.pop(id, [])
            if offer.over or offer.expires <= now:
                if any(row.expires is None or now < row.expires for row in found):
                    self.find(now, f"{id} is over, and its hold counts")
                continue
            expected = {(offer.start, offer.end, offer.expires)}
            if {(r.during.start, r.during.end, r.expires) for r in found} != expected:
                self.find(now, f"the hold of {id} is lost, or another than was told")
            elif sum(row.nodes for row in found) != offer.nodes:
                self.find(now, f"{id} holds {sum(r.nodes for r in found)}, not {offer.nodes}")
            elif offer.same_block and len(found) > 1:
                self.find(now, f"{id} is spread over {len(found)} blocks")
        alone = {f"{id}/private" for id, offer in self.book.offers.items() if offer.dedicated}
        if rows.keys() - alone:
            self.find(now, f"held for nobody: {sorted(rows.keys() - alone)}")

    def _contracts(self, now: datetime) -> None:
        """Every contract is promised what was agreed, and held what it may renew."""
        kept: dict[tuple[str, bool], Levels] = defaultdict(Levels)
        for row in self.rows("Reservation"):
            right = bool(row.renews)
            if str(row.kind) == "contract" or (right and (not row.expires or now < row.expires)):
                mine = kept[(row.holder, right)]
                mine[(row.site, chip_of(row.pool), row.during.start)] += row.nodes
                mine[(row.site, chip_of(row.pool), row.during.end)] -= row.nodes
            terms = self.book.terms.get(row.holder.removesuffix("/private"))
            if right and (terms is None or (terms.renews or (0, None))[1] != row.expires):
                self.find(now, f"{row.id} is held until {row.expires}, another day than agreed")
        for contract, pieces in self.book.agreed.items():
            agreed, held = levels(pieces.values()), self.book.held(contract, now)
            if agreed != _changes(kept.pop((contract, False), Levels())):
                self.find(now, f"{contract} is not promised what was agreed")
            if held != _changes(kept.pop((contract, True), Levels())):
                self.find(now, f"{contract} is not held what it may renew: {held}")
        alone = {f"{id}/private" for id, terms in self.book.terms.items() if terms.dedicated}
        if others := sorted(holder for holder, _ in kept if holder not in alone):
            self.find(now, f"promised to nobody: {others}")

    def _others(self, now: datetime) -> None:
        """Maintenance and what is leased back to a supplier."""
        kept: dict[str, tuple[int, datetime, datetime]] = {}
        for row in self.rows("Reservation"):
            if str(row.kind) in ("maintenance", "lease_back"):
                nodes = kept[row.holder][0] if row.holder in kept else 0
                kept[row.holder] = nodes + row.nodes, row.during.start, row.during.end
        if kept != self.book.others:
            other = sorted(kept.items() ^ self.book.others.items())
            self.find(now, f"kept for work or suppliers, or not: {other}")

    def _slots(self, now: datetime) -> None:
        holders: dict[tuple[str, int], str] = {}
        accounts: dict[str, str] = {}
        for claim in self.rows("Claim"):
            if accounts.setdefault(claim.node, claim.account) != claim.account:
                self.find(now, f"{claim.node} is shared by two accounts")
            for slot in claim.slots:
                if holders.setdefault((claim.node, slot), claim.id) != claim.id:
                    self.find(now, f"{claim.node} slot {slot} is held twice")

    def turned_away(self, contract: str, site: str, chip: str, nodes: int, now: datetime) -> None:
        """A contract was refused nodes: only within its quantity, and unreported, is it wrong."""
        pools = {node.id: pool_of(node) for node in self.rows("Node")}
        mine = {c.node for c in self.rows("Claim") if c.account == contract}
        held = sum(chip_of(pools[node]) == chip for node in mine)
        if held + nodes > self.book.promised_to(contract, now)[(site, chip)]:
            return
        concerned = {
            row.pool
            for row in self.counted(now)
            if row.holder == contract and row.during.start <= now and chip_of(row.pool) == chip
        }
        open_ = [
            row
            for row in self.rows("Breach")
            if row.pool in concerned and row.mended is None
            and row.during.start <= now < row.during.end
        ]  # fmt: skip
        self.seen["turned away"] += 1
        if not open_:
            self.find(now, f"{contract} was refused {nodes} of its {chip}, and nobody reported it")

    def unchanged(self, what: str, now: datetime, before: object, after: object) -> None:
        if before != after:
            self.find(now, f"refused, and yet something changed: {what}")
