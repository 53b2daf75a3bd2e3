"""An auditor of simulated years. It shares no code with what it audits: raw rows and answers in,
findings out. What was agreed it has from a book of its own, and it counts every instant slowly.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import Any

from tests.sim.years_book import Book

Rows = Callable[[str], list[Any]]
AWAITED = ("ordered", "in_transit", "racked", "burn_in", "in_repair")
CHANGEOVER = timedelta(minutes=15)
A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Step:
    """One stretch of time in one pool: nodes there, promised, and reported as lacking."""

    start: datetime
    end: datetime | None
    there: int
    promised: int
    reported: int


@dataclass(slots=True)
class Told:
    """What a lease by the moment has been told: (when, safe until, goes at), each change."""

    notice: timedelta
    created: datetime
    words: list[tuple[datetime, datetime | None, datetime | None]] = field(default_factory=list)


def pool_of(node: Any) -> str:
    return f"{node.block}/{node.chip}x{node.gpus}"


def chip_of(pool: str) -> str:
    return pool.split("/")[1].rsplit("x", 1)[0]


@dataclass
class Auditor:
    """`kept` and `moment` are the headroom of a site in percent, `notices` what each promises."""

    rows: Rows
    notices: dict[str, timedelta]
    headroom: dict[str, tuple[int, int]]
    findings: list[str] = field(default_factory=list)
    book: Book = field(default_factory=Book)
    told: dict[str, Told] = field(default_factory=dict)
    let_go: set[str] = field(default_factory=set)
    seen: Counter[str] = field(default_factory=Counter)
    due: datetime | None = None

    def find(self, now: datetime, what: str) -> None:
        self.findings.append(f"{now:%Y-%m-%d %H:%M:%S}: {what}")

    # -- counting ---------------------------------------------------------------------------------

    def there(self, node: Any, now: datetime) -> tuple[datetime, datetime | None] | None:
        """From when to when the node is capacity, by all that is known now; None: never."""
        start, state = now, str(node.state)
        if state == "retired":
            return None
        if state in AWAITED:
            if node.ready is None or node.ready <= now:
                return None
            start = node.ready
        end = node.until
        return None if end is not None and end <= start else (start, end)

    def steps(self, now: datetime, lodging: bool = False) -> dict[str, list[Step]]:
        """Every pool from now on, stretch by stretch; `lodging`: less what has its notice yet."""
        changes: dict[str, list[tuple[datetime, int, int]]] = defaultdict(list)

        def count(pool: str, start: datetime, end: datetime | None, nodes: int, what: int) -> None:
            changes[pool].append((max(start, now), what, nodes))
            if end is not None:
                changes[pool].append((end, what, -nodes))

        for node in self.rows("Node"):
            span = self.there(node, now)
            if span is not None:
                count(pool_of(node), *span, 1, 0)
        for pool, end in self.lodged(now) if lodging else ():
            count(pool, now, end, -1, 0)
        held = {row.id: row for row in self.counted(now)}
        for row in held.values():
            count(row.pool, row.during.start, row.during.end, row.nodes, 1)
        for row in self.rows("Breach"):
            if row.mended is None and now < row.during.end and row.reservation in held:
                count(row.pool, row.during.start, row.during.end, row.nodes, 2)
        return {pool: list(self._walk(found, now)) for pool, found in changes.items()}

    def counted(self, now: datetime) -> list[Any]:
        """Promises that are still to be kept."""
        return [
            row
            for row in self.rows("Reservation")
            if now < row.during.end and (row.expires is None or now < row.expires)
        ]

    def _walk(self, changes: list[tuple[datetime, int, int]], now: datetime) -> Iterator[Step]:
        levels = [0, 0, 0]
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
        nodes = {node.id: node for node in self.rows("Node")}
        ends: dict[str, datetime] = {}
        for lease in self.rows("Lease"):
            if lease.terms.contract is None and str(lease.wanted) == "running":
                end = lease.until or now + self.notices[lease.terms.site]
                for member in lease.members:
                    ends[member.node] = max(end, ends.get(member.node, end))
        for id, end in ends.items():
            leaves = nodes[id].until or end
            if now < min(end, leaves):
                yield pool_of(nodes[id]), min(end, leaves)

    def room(
        self, site: str, chip: str, span: tuple[datetime, datetime], now: datetime, kept: bool
    ) -> list[int]:
        """How many nodes of each pool could be promised over `span`, the most first."""
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
            found.append(max(0, min(levels)))
        return sorted(found, reverse=True)

    def by_the_moment(self, site: str) -> Counter[str]:
        """Nodes of each pool on which something runs that is sold by the moment."""
        pools = {node.id: pool_of(node) for node in self.rows("Node")}
        claims = self.rows("Claim")
        return Counter(pools[node] for node in {c.node for c in claims if not c.account})

    # -- what is audited at every instant ---------------------------------------------------------

    def audit(self, now: datetime, passed: bool) -> None:
        """`passed`: the loops have looked since anything changed."""
        if self.due is not None and self.due < now:
            self.find(now, f"nobody looked at {self.due:%Y-%m-%d %H:%M:%S}")
        self._shortages(now, passed)
        self._reports(now)
        self._holds(now)
        self._contracts(now)
        self._slots(now)
        self._leases(now)
        self.due = min(self.instants(now), default=None)
        self.seen["audits"] += 1

    def instants(self, now: datetime) -> Iterator[datetime]:
        """When time alone changes something."""
        known: list[datetime | None] = []
        for node in self.rows("Node"):
            known += [node.until, node.ready if str(node.state) in AWAITED else None]
        for row in self.rows("Reservation"):
            known += [row.during.start, row.during.end, row.expires]
        yield from (at for at in known if at is not None and now < at)
        for lease in self.rows("Lease"):
            if lease.until is not None and now < lease.until:
                yield lease.until

    def _shortages(self, now: datetime, passed: bool) -> None:
        for pool, steps in self.steps(now, lodging=True).items():
            for step in steps:
                lacking = max(0, min(step.promised, step.promised - step.there))
                self.seen["short"] += bool(lacking)
                what = f"{pool} lacks {lacking} from {step.start} to {step.end}, reported"
                if step.reported < lacking:
                    self.find(now, f"{what} {step.reported}")
                elif passed and step.reported > lacking:
                    self.find(now, f"{what} {step.reported}, which is too many")

    def _reports(self, now: datetime) -> None:
        held = {row.id: row for row in self.rows("Reservation")}
        for row in self.rows("Breach"):
            if row.mended is not None or row.during.end <= now or row.reservation not in held:
                continue
            whose = held[row.reservation]
            inside = whose.during.start <= row.during.start and row.during.end <= whose.during.end
            right = (row.holder, row.pool, row.customer) == (
                whose.holder, whose.pool, whose.customer,
            )  # fmt: skip
            if row.at > now or not right or row.nodes > whose.nodes or not inside:
                cut = whose.during.end < row.during.end
                if not (cut and right and row.at <= now):
                    self.find(now, f"breach {row.id} says what its promise {whose.id} does not")

    def _holds(self, now: datetime) -> None:
        rows: dict[str, list[Any]] = defaultdict(list)
        for row in self.rows("Reservation"):
            if str(row.kind) == "hold":
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
        if rows:
            self.find(now, f"held for nobody: {sorted(rows)}")

    def _contracts(self, now: datetime) -> None:
        kept: dict[str, Counter[tuple[str, str, datetime]]] = defaultdict(Counter)
        for row in self.rows("Reservation"):
            if str(row.kind) == "contract":
                mine = kept[row.holder]
                mine[(row.site, chip_of(row.pool), row.during.start)] += row.nodes
                mine[(row.site, chip_of(row.pool), row.during.end)] -= row.nodes
        for contract, pieces in self.book.agreed.items():
            agreed: Counter[tuple[str, str, datetime]] = Counter()
            for piece in pieces.values():
                agreed[(piece.site, piece.chip, piece.start)] += piece.nodes
                agreed[(piece.site, piece.chip, piece.end)] -= piece.nodes
            for counter in (agreed, kept[contract]):
                for key in [key for key, nodes in counter.items() if not nodes]:
                    del counter[key]
            if agreed != kept.pop(contract):
                self.find(now, f"{contract} is not promised what was agreed")
        if kept:
            self.find(now, f"promised to nobody: {sorted(kept)}")

    def _slots(self, now: datetime) -> None:
        holders: dict[tuple[str, int], str] = {}
        accounts: dict[str, str] = {}
        for claim in self.rows("Claim"):
            if accounts.setdefault(claim.node, claim.account) != claim.account:
                self.find(now, f"{claim.node} is shared by two accounts")
            for slot in claim.slots:
                if holders.setdefault((claim.node, slot), claim.id) != claim.id:
                    self.find(now, f"{claim.node} slot {slot} is held twice")

    # -- leases -----------------------------------------------------------------------------------

    def _leases(self, now: datetime) -> None:
        for lease in self.rows("Lease"):
            if lease.terms.contract is not None:
                continue
            notice = self.notices[lease.terms.site]
            told = self.told.setdefault(lease.id, Told(notice, lease.created))
            word = (lease.safe_until, lease.until)
            if str(lease.wanted) == "ended":
                if lease.id not in self.let_go:
                    self._sent_away(lease, told, now)
                    self.let_go.add(lease.id)
            elif not told.words or told.words[-1][1:] != word:
                self._check_word(lease.id, told, (now, *word))
                told.words.append((now, *word))

    def _check_word(
        self, id: str, told: Told, word: tuple[datetime, datetime | None, datetime | None]
    ) -> None:
        now, safe, until = word
        if not told.words or now == told.created:
            return
        before = told.words[-1][1]
        if safe is not None and (before is None or safe < before) and safe < now + told.notice:
            self.find(now, f"{id} was safe until {before}, and suddenly only until {safe}")
        if until is not None and safe is not None and until < safe:
            self.find(now, f"{id} goes at {until}, before {safe}, until when it is safe")

    def _sent_away(self, lease: Any, told: Told, now: datetime) -> None:
        self.seen["sent away"] += 1
        last = told.words[-1]
        if last[2] is None or now < last[2]:
            self.find(now, f"{lease.id} was sent away, told {last[2]}")
            return
        first = next(word for word in reversed(self._since(told)) if word[2] == last[2])
        if last[2] - first[0] < told.notice and first[0] != told.created:
            self.find(now, f"{lease.id} was told at {first[0]} to go at {last[2]}: no notice")

    def _since(self, told: Told) -> list[tuple[datetime, datetime | None, datetime | None]]:
        """The words since it was last told to go at that instant, the newest first."""
        found = []
        for word in reversed(told.words):
            if word[2] != told.words[-1][2]:
                break
            found.append(word)
        return found

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
        drained = [
            node
            for node in self.rows("Node")
            if pool_of(node) in concerned
            and str(node.state) == "draining"
            and (node.until is None or now < node.until)
        ]
        self.seen["turned away"] += 1
        if not open_ and not drained:
            self.find(now, f"{contract} was refused {nodes} of its {chip}, and nobody reported it")

    def unchanged(self, what: str, now: datetime, before: object, after: object) -> None:
        if before != after:
            self.find(now, f"refused, and yet something changed: {what}")
