"""The kinds of document that an operator writes, each read into the rows that it declares."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from rackrate.app.identity import grant_of, person
from rackrate.app.manifest.fields import Fields, Reference, closest, shown
from rackrate.app.manifest.tree import Mapping as Tree
from rackrate.app.manifest.tree import Node as AnyNode
from rackrate.app.manifest.tree import Problem, Scalar, parse
from rackrate.app.sales import MOST_NODES, Offer
from rackrate.core.access import ROLES, Role, Scope
from rackrate.core.chips import Chip, Confidence
from rackrate.core.ids import (
    BlockId,
    ChipId,
    ContractId,
    CustomerId,
    EntityId,
    NodeId,
    ProjectId,
    SiteId,
    SkuId,
    is_name,
)
from rackrate.core.interval import Interval
from rackrate.core.inventory import Block, Entity, Node, Site, Sku
from rackrate.core.lease import LeaseClass
from rackrate.core.money import Money
from rackrate.core.parties import Customer, Principal, Project
from rackrate.core.pricing import HIGHEST_PER_HOUR, Price, price_id
from rackrate.core.tax import RULES
from rackrate.core.workload import Limits

MOST_FILES = 200
MOST_NODES_AT_ONCE = 20_000
ENGINES = ("local", "sim", "slurm", "kubernetes")
NOTICE = {LeaseClass.ON_DEMAND: timedelta(days=7), LeaseClass.SPOT: timedelta(minutes=5)}
PRICED = (LeaseClass.ON_DEMAND, LeaseClass.SPOT)
_PLACE = re.compile(r"\{(?::0([1-9]))?\}")
_ENGINE_CHOICES = frozenset(ENGINES)


@dataclass(frozen=True, slots=True)
class Declared:
    """One row that a file declares. `source` names its document, as `node/h100-{:03}`."""

    row: Any
    file: str
    line: int
    source: str


@dataclass(slots=True)
class Declarations:
    """Everything that the files say, what they mention, and what is wrong with them."""

    rows: list[Declared] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    # Names of documents that are wrong in themselves: a mention of one is no second mistake.
    broken: set[tuple[type, str]] = field(default_factory=set)


def read(files: Sequence[tuple[str, str]]) -> Declarations:
    """All files together, in the order given; nothing is looked up."""
    found = Declarations()
    if len(files) > MOST_FILES:
        found.problems.append(Problem(files[MOST_FILES][0], 1, f"more than {MOST_FILES} files"))
        return found
    for file, text in files:
        for tree in parse(file, text, found.problems):
            _read_document(file, tree, found)
    _refuse_duplicates(found)
    return found


def _read_document(file: str, tree: AnyNode, found: Declarations) -> None:
    if not isinstance(tree, Tree):
        found.problems.append(
            Problem(file, tree.line, "a document begins with its kind, as `kind: site`")
        )
        return
    fields = Fields(file, tree, found.problems)
    kind = fields.text("kind")
    reader = READERS.get(kind)
    if reader is None:
        if kind:
            fields.wrong("kind", f"{shown(kind)} is unknown; {closest(kind, READERS)}")
        return
    rows = reader.read(fields)
    found.references += fields.references
    named = tree.entries.get("name") or tree.entries.get("email")
    name = named[1].text if named and isinstance(named[1], Scalar) else str(fields.line)
    if not fields.ok:
        found.broken.update((reader.kind, each) for each in {name, *_expanded(tree, name)})
        return
    for row in rows:
        found.rows.append(Declared(row, file, fields.line, f"{kind}/{name}"))


def _expanded(tree: Tree, name: str) -> Iterator[str]:
    count = tree.entries.get("count")
    text = count[1].text if count and isinstance(count[1], Scalar) else ""
    if text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= MOST_NODES_AT_ONCE:
        yield from (numbered(name, number) for number in range(1, int(text) + 1))


def _refuse_duplicates(found: Declarations) -> None:
    first: dict[tuple[type, str], Declared] = {}
    told: set[tuple[str, int]] = set()
    kept: list[Declared] = []
    for declared in found.rows:
        before = first.setdefault((type(declared.row), declared.row.id), declared)
        if before is declared:
            kept.append(declared)
        elif isinstance(declared.row, Principal):
            continue  # One person may be a member of many things.
        elif (declared.file, declared.line) not in told:
            told.add((declared.file, declared.line))
            what = declared.source.partition("/")[0]
            detail = f"{what} {declared.row.id!r} is there twice, first at "
            if (before.file, before.line) == (declared.file, declared.line):
                detail += "the same place; a `name` with `count` needs a number, as h100-{:03}"
            else:
                detail += f"{before.file}:{before.line}; leave one of them out"
            found.problems.append(Problem(declared.file, declared.line, detail))
    found.rows = kept


def numbered(pattern: str, number: int) -> str:
    """`h100-{:03}` with 7 is `h100-007`; without a place for the number, the pattern itself."""

    def write(match: re.Match[str]) -> str:
        return str(number).zfill(int(match[1] or 1))

    return _PLACE.sub(write, pattern)


# -- the kinds ----------------------------------------------------------------------------------


def _entity(f: Fields) -> list[Entity]:
    id, name, country = f.name("name"), f.text("title"), f.country("country")
    tax_id, time_zone = f.text("tax_id", ""), f.time_zone("time_zone")
    currency, series = f.currency("currency"), f.text("invoice_series", longest=16)
    tax, days = f.one_of("output_tax", RULES), f.whole("payment_days", 0, 365, 30)
    if series and not re.fullmatch(r"[A-Z0-9]+", series):
        f.wrong("invoice_series", f"{shown(series)} is not of A-Z and 0-9, such as EX")
    return _rows(
        f,
        lambda: Entity(EntityId(id), name, country, tax_id, time_zone, currency, series, tax, days),
    )


def _site(f: Fields) -> list[Site]:
    id, name = f.name("name"), f.text("title")
    entity, country = f.reference("entity", Entity), f.country("country")
    time_zone, engine = f.time_zone("time_zone"), f.one_of("engine", _ENGINE_CHOICES)
    simulated = f.boolean("simulated", False)
    if engine and simulated != (engine == "sim"):
        f.wrong("simulated", "must be true with `engine: sim`, and false with any other")
    return _rows(
        f,
        lambda: Site(SiteId(id), EntityId(entity), name, country, time_zone, engine, simulated),
    )


def _blocks(f: Fields) -> list[Block]:
    ids = _names(f)
    site, fabric = f.reference("site", Site), f.text("fabric")
    return f.build(lambda: [Block(BlockId(id), SiteId(site), fabric) for id in ids]) or []


def _nodes(f: Fields) -> list[Node]:
    ids = _names(f)
    site, chip = f.reference("site", Site), f.reference("chip", Chip)
    pattern, per_block = f.text("block"), f.whole("nodes_per_block", 1, 10_000, len(ids) or 1)
    gpus, parts = f.whole("gpus", 1, 1024), f.whole("parts", 1, 1000, 1)
    capacity = _limits(f)
    blocks = [numbered(pattern, 1 + i // per_block) for i in range(len(ids))]
    for block in dict.fromkeys(blocks):
        f.refer("block", Block, block)
    if len(ids) > per_block and numbered(pattern, 1) == pattern:
        f.wrong("block", f"needs a number, as {pattern}-{{}}, to be filled by `nodes_per_block`")
    return (
        f.build(
            lambda: [
                Node(NodeId(id), SiteId(site), BlockId(block), ChipId(chip), gpus, parts, capacity)
                for id, block in zip(ids, blocks, strict=True)
            ]
        )
        or []
    )


def _chip(f: Fields) -> list[Chip]:
    id, vendor, model = f.name("name"), f.text("vendor"), f.text("model")
    most = Decimal(1_000_000)
    memory = f.optional_decimal("memory_gb", Decimal(0), most)
    dense = f.optional_decimal("bf16_dense_tflops", Decimal(0), most)
    sparse = f.optional_decimal("bf16_sparse_tflops", Decimal(0), most)
    power = f.whole("power_w", 0, 100_000) if f.has("power_w") else None
    source, confidence = f.text("source"), f.choice("confidence", Confidence)
    accelerator, barred = f.boolean("accelerator", True), f.countries("barred_countries")
    return _rows(
        f,
        lambda: Chip(
            ChipId(id),
            vendor,
            model,
            memory,
            dense,
            sparse,
            power,
            source,
            confidence,
            accelerator,
            tuple(sorted(set(barred))),
        ),
    )


def _sku(f: Fields) -> list[Sku]:
    id, name = f.name("name"), f.text("title")
    site, chip = f.reference("site", Site), f.reference("chip", Chip)
    slots, whole = f.whole("slots", 1, 1_024_000), f.boolean("whole_node", False)
    limits = _limits(f)
    return _rows(f, lambda: Sku(SkuId(id), SiteId(site), ChipId(chip), name, slots, whole, limits))


def _price_book(f: Fields) -> list[Price]:
    currency, included = f.currency("currency"), f.boolean("tax_included")
    effective = f.instant("effective", f.time_zone("time_zone", ""))
    notices = f.inner("notice")
    notice = {klass: notices.duration(klass, NOTICE[klass]) if notices else NOTICE[klass]
              for klass in PRICED}  # fmt: skip
    if notices:
        notices.refuse_unknown()
    rates: list[tuple[str, LeaseClass, Decimal]] = []
    for sku, entry in f.mapping("per_slot_hour").items():
        f.references.append(Reference(Sku, sku, "per_slot_hour", f.file, entry.line))
        for word in entry.only([klass.value for klass in PRICED]):
            rate = entry.decimal(word, Decimal(0), HIGHEST_PER_HOUR - 1)
            rates.append((sku, LeaseClass(word), rate))
    return (
        f.build(
            lambda: [
                Price(
                    price_id(sku, klass, currency, effective),
                    SkuId(sku),
                    klass,
                    currency,
                    rate,
                    included,
                    effective,
                    notice[klass],
                )
                for sku, klass, rate in rates
            ]
        )
        or []
    )


def _customer(f: Fields) -> list[Customer]:
    id, name = f.name("name"), f.text("title")
    entity, country = f.reference("entity", Entity), f.country("country")
    tax_id, time_zone = f.text("tax_id", ""), f.time_zone("time_zone")
    currency, tax = f.currency("currency"), f.one_of("tax_rule", RULES, "")
    own = f.boolean("of_operator", False)
    return _rows(
        f,
        lambda: Customer(
            CustomerId(id), EntityId(entity), name, country, tax_id, time_zone, currency, tax, own
        ),
    )


def _project(f: Fields) -> list[Project]:
    id, name = f.name("name"), f.text("title")
    customer = f.reference("customer", Customer)
    return _rows(f, lambda: Project(ProjectId(id), CustomerId(customer), name))


def _member(f: Fields) -> list[Any]:
    email, role = f.email("email"), f.choice("role", Role)
    customer = f.reference("customer", Customer, required=False)
    project = f.reference("project", Project, required=False)
    if project and not customer:
        f.wrong("project", "needs the `customer` that it belongs to beside it")
    asked = Scope.PROJECT if project else Scope.CUSTOMER if customer else Scope.OPERATOR
    scope = ROLES[role][0]
    if f.ok and asked != scope:
        f.wrong("role", f"{role} is granted on {_SCOPES[scope]}, not on {_SCOPES[asked]}")
    who = person(email)
    what = CustomerId(customer) if customer else None
    where = ProjectId(project) if project else None
    return f.build(lambda: [who, grant_of(who.id, role, what, where)]) or []


def _contract(f: Fields) -> list[Offer]:
    id, name = f.name("name"), f.text("title", "")
    project, sku = f.reference("project", Project), f.reference("sku", Sku)
    nodes, time_zone = f.whole("nodes", 1, MOST_NODES), f.time_zone("time_zone", "")
    start, end = f.instant("start", time_zone), f.instant("end", time_zone)
    if f.ok and end <= start:
        f.wrong("end", f"must be after the start, {start:%Y-%m-%d %H:%M} UTC")
    currency = f.currency("currency")
    monthly = f.decimal("monthly", Decimal(0), Decimal(10) ** 12)
    percent = f.decimal("prepayment_percent", Decimal(0), Decimal(100))
    included = f.boolean("tax_included")
    return _rows(
        f,
        lambda: Offer(
            ContractId(id),
            ProjectId(project),
            SkuId(sku),
            nodes,
            Interval(start, end),
            Money.parse(str(monthly), currency),
            percent,
            included,
            name,
        ),
    )


_SCOPES: Mapping[Scope, str] = {
    Scope.OPERATOR: "the operator (no `customer`)",
    Scope.CUSTOMER: "a `customer`",
    Scope.PROJECT: "a `project` of a `customer`",
}


def _rows(f: Fields, make: Callable[[], Any]) -> list[Any]:
    row = f.build(make)
    return [] if row is None else [row]


def _limits(f: Fields) -> Limits:
    """CPU cores (a quarter of one is 0.25), memory and disk."""
    cpus = f.decimal("cpus", Decimal("0.001"), Decimal(100_000))
    if cpus * 1000 % 1:
        f.wrong("cpus", f"{cpus} is finer than a thousandth of a core")
    memory = f.decimal("memory_gib", Decimal("0.001"), Decimal(10_000_000))
    disk = f.decimal("disk_gib", Decimal(0), Decimal(10_000_000))
    return Limits(int(cpus * 1000), int(memory * 1024), int(disk * 1024))


def _names(f: Fields) -> list[str]:
    """One name, or with `count` as many as it says, numbered from `first`."""
    pattern = f.text("name", longest=80)
    count = f.whole("count", 1, MOST_NODES_AT_ONCE, 1)
    first = f.whole("first", 0, 10_000_000, 1)
    if not f.has("count"):
        count = 1
        if f.has("first") or numbered(pattern, first) != pattern:
            f.wrong("name", "has a place for a number, and needs a `count` beside it")
    elif pattern and numbered(pattern, first) == pattern:
        f.wrong("name", f"needs a place for the number, as {pattern[:40]}-{{:03}}, with `count`")
        return []
    names = [numbered(pattern, number) for number in range(first, first + count)]
    wrong = next((name for name in names if name and not is_name(name)), None)
    if wrong is not None:
        f.wrong(
            "name",
            f"{shown(wrong)} is not a name: 1 to 63 of a-z, 0-9, dot, dash and underscore; "
            "a number is written {} or {:03}",
        )
        return []
    return names


@dataclass(frozen=True, slots=True)
class Reader:
    kind: type
    read: Callable[[Fields], list[Any]]


READERS: Mapping[str, Reader] = {
    "entity": Reader(Entity, _entity),
    "site": Reader(Site, _site),
    "block": Reader(Block, _blocks),
    "chip": Reader(Chip, _chip),
    "node": Reader(Node, _nodes),
    "sku": Reader(Sku, _sku),
    "price_book": Reader(Price, _price_book),
    "customer": Reader(Customer, _customer),
    "project": Reader(Project, _project),
    "member": Reader(object, _member),
    "contract": Reader(Offer, _contract),
}
