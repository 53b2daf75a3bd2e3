"""The stores that one contract binds, and one row of every kind to try them with."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from rackrate.app.ports import Store
from rackrate.app.rows import Close, LoopLease, SitePass, Stray
from rackrate.core.access import Grant, Role
from rackrate.core.billing_terms import BillingTerms, OrderNumber, SellerTerms
from rackrate.core.breach import Breach
from rackrate.core.calendar import Claim, HolderKind, Reservation, ReservationKind
from rackrate.core.chips import Chip, Confidence
from rackrate.core.contract import (
    Commitment,
    CommitmentKind,
)
from rackrate.core.digital import Colour, DigitalInvoice
from rackrate.core.draft import Draft, DraftKind, DraftLine
from rackrate.core.ids import (
    BlockId,
    ChipId,
    ContractId,
    CustomerId,
    EntityId,
    EntryId,
    InvoiceId,
    LeaseId,
    NodeId,
    PrincipalId,
    ProjectId,
    PurchaseId,
    QuoteId,
    RackId,
    SiteId,
    SkuId,
)
from rackrate.core.interval import Interval, Month, Span
from rackrate.core.inventory import (
    Block,
    Entity,
    Node,
    NodeState,
    Rack,
    Site,
    Sku,
    TaxCode,
    pool_of,
)
from rackrate.core.invoice import Invoice, InvoiceKind, InvoiceLine, Line, LineKind
from rackrate.core.lease import Lease, LeaseClass, LeaseEvent, Terms, requested
from rackrate.core.ledger import Account, Entry, Posting, transfer
from rackrate.core.money import Money
from rackrate.core.outbox import Channel, Language, Medium, Notification, Sending, State, Topic
from rackrate.core.parties import (
    Audit,
    Customer,
    Details,
    Idempotency,
    InvoiceParties,
    Party,
    Principal,
    PrincipalKind,
    Project,
    SshKey,
    Token,
)
from rackrate.core.payment import Allocation, Payment
from rackrate.core.pricing import Price, Rule, Unit
from rackrate.core.purchase import Batch, LeaseBack, PurchaseOrder
from rackrate.core.purchase import Terms as PurchaseTerms
from rackrate.core.quote import Quote, QuoteLine
from rackrate.core.receivable import Reminder
from rackrate.core.slots import Slots, all_slots
from rackrate.core.tax import TaxPart
from rackrate.core.treatment import Supply, TaxChange
from rackrate.core.workload import Limits, Member, Mount, Spec
from rackrate.db.store import PostgresStore
from rackrate.memory import MemoryStore
from tests.contract.contract_rows import CONTRACT_ROWS
from tests.contract.credit_rows import CREDIT_ROWS
from tests.contract.metered_rows import METERED_ROWS
from tests.contract.price_rows import PRICE_ROWS
from tests.contract.use_rows import use_rows

Opener = Callable[[pytest.FixtureRequest], AbstractContextManager[Store]]


@contextmanager
def _memory(request: pytest.FixtureRequest) -> Iterator[Store]:
    yield MemoryStore()


@contextmanager
def _postgres(request: pytest.FixtureRequest) -> Iterator[Store]:
    with PostgresStore(request.getfixturevalue("database")) as store:
        yield store


STORES: Mapping[str, Opener] = {"memory": _memory, "postgres": _postgres}

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ENTITY, SITE, BLOCK = EntityId("seller"), SiteId("north"), BlockId("north-1")
CHIP, SKU = ChipId("h100"), SkuId("h100.1")
ACME, BOLT = CustomerId("acme"), CustomerId("bolt")
ACME_LAB, BOLT_LAB = ProjectId("acme-lab"), ProjectId("bolt-lab")
POOL = pool_of(BLOCK, CHIP, 8)
LIMITS = Limits(16_000, 131_072, 1_048_576)
MONTH = Month(2026, 11)
QUARTER = Interval(NOON, NOON + 90 * DAY)
CAROL = PrincipalId("carol")
SECOND_NODE = NodeId("node-2")


def cny(minor: int) -> Money:
    return Money(minor, "CNY")


def node(number: int, gpus: int = 8) -> Node:
    return Node(NodeId(f"node-{number}"), SITE, BLOCK, CHIP, gpus, 1, LIMITS)


def customer(id: CustomerId) -> Customer:
    changes = (TaxChange(MONTH, "cn-general"), TaxChange(MONTH.plus(1), ""))
    return Customer(
        id, ENTITY, f"Example {id}", "CN", "911", "Asia/Shanghai", "CNY", tax_changes=changes
    )


def claim(id: str, node: str, slots: Slots, during: Span, holder: str = "lse_1") -> Claim:
    return Claim(id, SITE, NodeId(node), slots, during, HolderKind.LEASE, holder)


def promise(id: str, nodes: int, during: Interval, holder: str = "ctr_1") -> Reservation:
    return Reservation(id, SITE, POOL, nodes, during, ReservationKind.CONTRACT, holder)


def lease(
    id: str, owner: CustomerId = ACME, at: datetime = NOON, slots: int = 1
) -> tuple[Lease, LeaseEvent]:
    project = ACME_LAB if owner == ACME else BOLT_LAB
    spec = Spec(
        'an "image"\\',
        ("sh", "-c", "echo {$1} 'x' \n 中文"),
        {"A": "1", "Ü": '"{},\\"'},
        (8080, 22),
        (Mount("data", "/data"),),
        ("ssh-ed25519 AAAA",),
    )
    terms = Terms(
        LeaseId(id), owner, project, SITE, SKU, LeaseClass.ON_DEMAND, None, 1, 2, slots,
        LIMITS, spec, "a name",
    )  # fmt: skip
    members = (Member(0, NodeId("node-1"), all_slots(slots)), Member(1, SECOND_NODE, Slots(5)))
    return requested(terms, members, at, at + HOUR)


def entry(id: str, minor: int, owner: CustomerId = ACME, at: datetime = NOON) -> Entry:
    postings = transfer(Account.RECEIVABLE, Account.USAGE_REVENUE, cny(minor), owner, SKU)
    return Entry(EntryId(id), ENTITY, at, "a memo", postings)


def invoice(id: str, cause: str, owner: CustomerId = ACME) -> Invoice:
    return Invoice(
        InvoiceId(id), ENTITY, owner, cause, MONTH, NOON, NOON + 30 * DAY, "none",
        cny(100), cny(6), cny(106), cny(0), cny(0),
        taxes=(TaxPart("none", cny(0), cny(0)), TaxPart("cn-service-6", cny(100), cny(6))),
    )  # fmt: skip


def line(id: str, source: str, place: int = 1, of: str = "EX-1") -> InvoiceLine:
    inside = Line(
        source, LineKind.USAGE, "H100", MONTH, Interval(NOON, NOON + DAY), cny(94), cny(100),
        LeaseId("lse_1"), None, SKU, LeaseClass.ON_DEMAND, "p", "12.50", 86_400_000,
        supply=Supply.LEASE, tax_rule="cn-lease-13",
    )  # fmt: skip
    return InvoiceLine(id, InvoiceId(of), ACME, place, inside)


def quote(id: str, owner: CustomerId = ACME) -> Quote:
    during, capacity, one_off = (
        Interval(NOON, NOON + 90 * DAY), CommitmentKind.CAPACITY, CommitmentKind.ONE_OFF,
    )  # fmt: skip
    nodes = Commitment(1, capacity, "", during, cny(12_250_000), SKU, SITE, 2, True)
    fee = Commitment(2, one_off, "Set-up", Interval(NOON, NOON + DAY), cny(500))
    lines = (
        QuoteLine(nodes, "cp1", 12, 1, cny(7_000_000), "per node", Decimal("12.5"), 12, 2, True),
        QuoteLine(fee, basis="as agreed"),
    )
    return Quote(
        QuoteId(id), ENTITY, owner, ACME_LAB if owner == ACME else BOLT_LAB, lines, True, False,
        False, Decimal(20), True, PrincipalId("dora"), NOON, NOON + 14 * DAY,
    )  # fmt: skip


# Everything that other rows name, in the order in which it must exist.
GROUND: tuple[Any, ...] = (
    Entity(
        ENTITY, "Example Seller", "CN", "91", "Asia/Shanghai", "CNY", "EX", "none", 15,
        tax_changes=(TaxChange(MONTH, "cn-service-6"),),
        tax_codes=(TaxCode(Supply.SERVICE, "304"),),
    ),
    Site(SITE, ENTITY, "North", "CN", "Asia/Shanghai", "sim", True),
    Block(BLOCK, SITE, "infiniband"),
    Chip(
        CHIP, "NVIDIA", "H100", Decimal(80), Decimal("989.4"), None, 700, "sheet",
        Confidence.DATASHEET, True, ("XX", "YY"), "US", ("defence",), ("weapons", "surveillance"),
    ),
    Sku(SKU, SITE, CHIP, "One H100", 1, False, LIMITS, Supply.LEASE, "3040502"),
    customer(ACME),
    customer(BOLT),
    Project(ACME_LAB, ACME, "Lab"),
    Project(BOLT_LAB, BOLT, "Lab"),
    Principal(CAROL, PrincipalKind.PERSON, "Carol", "carol@example.org"),
    node(1),
    node(2),
)  # fmt: skip

# At least one row of every kind that GROUND does not have, with and without what is optional.
MORE: tuple[Any, ...] = (
    Chip(ChipId("cpu"), "any", "", None, None, None, None, "", Confidence.OPERATOR, False),
    Site(
        SiteId("dry"), ENTITY, "Dry", "CN", "UTC", "sim", True, Decimal(5), Decimal("2.5"),
        Decimal(10), Decimal(20), Decimal("12.5"), Decimal("1.25"),
    ),
    Rack(RackId("north/tank"), SITE, Decimal(500)),
    Node(
        NodeId("north/ordered"), SITE, BLOCK, ChipId("cpu"), 3, 2, LIMITS, NodeState.ORDERED, "",
        NOON + DAY, NOON + 2 * DAY, PurchaseId("po-1"), 2, RackId("north/tank"), Decimal("10.2"),
    ),
    Node(NodeId("north/odd"), SITE, BLOCK, ChipId("cpu"), 3, 2, LIMITS, NodeState.RETIRED, "old"),
    replace(  # In a pool of its own: those that test the guards count the nodes of the other.
        node(1), id=NodeId("away"), gpus=4, drained=NOON, back=NOON + DAY, named_for=ContractId("k")
    ),
    PurchaseOrder(
        PurchaseId("po-1"), ENTITY, SITE, "Example Supplier", PurchaseTerms.LEASE_IN, BLOCK, CHIP,
        8, 1, LIMITS, Decimal("10.2"), cny(7_000_000), NOON - DAY,
        (Batch(1, 2, NOON + DAY), Batch(2, 1, NOON + 2 * DAY, True)), (ContractId("ctr_1"),),
        NOON + 90 * DAY, "back in working order", "north-h100", 33,
    ),
    PurchaseOrder(
        PurchaseId("po-2"), ENTITY, SITE, "", PurchaseTerms.PURCHASE, BLOCK, CHIP, 8, 1, LIMITS,
        None, cny(0), NOON, (Batch(1, 1, NOON),)),
    LeaseBack("lbk_1", PurchaseId("po-1"), SITE, POOL, 1, Interval(NOON, NOON + DAY), cny(1), NOON),
    Breach(
        "brc_1", NOON, SITE, POOL, "r1", ReservationKind.CONTRACT, "ctr_1", ACME, 1,
        Interval(NOON, NOON + DAY), "a late truck", NOON + HOUR,
    ),
    Breach(
        "brc_2", NOON, SITE, POOL, "r2", ReservationKind.MAINTENANCE, "h", None, 2,
        Interval(NOON, NOON + DAY), "",
    ),
    Price(
        "p1", SKU, LeaseClass.ON_DEMAND, "CNY", Decimal("12.3456789012345678901"), True, NOON,
        timedelta(days=7, seconds=1),
    ),
    Price(
        "p2", SKU, LeaseClass.ON_DEMAND, "CNY", Decimal(62050), False, NOON, timedelta(days=7),
        Unit.PFLOPS_MONTH, 730, 8, Decimal("7.9"), SITE, ACME, NOON + DAY, "dense BF16",
        Rule("contract-36", SKU, Decimal("1.6")),
    ),
    Price("p3", None, None, "CNY", Decimal("0.35"), False, NOON, timedelta(0), Unit.GB_MONTH),
    Channel(
        "chn_1", ACME, Medium.WEBHOOK, "https://example.org/hook?a=1", "whsec_c2VjcmV0",
        Language.ZH, (Topic.INVOICE_ISSUED, Topic.LEASE_NOTICE), NOON,
    ),
    Channel(
        "chn_2", None, Medium.EMAIL, "fleet@example.org", "", Language.EN, (Topic.PROMISE_BROKEN,),
        NOON,
    ),
    Notification(
        "ntf_1", NOON, Topic.INVOICE_ISSUED, ACME, "invoice/EX-1/issued", {"invoice": "EX-1"},
        State.WAITING,
    ),
    Notification("ntf_2", NOON, Topic.PROMISE_BROKEN, None, "breach/brc_1", {}),
    Sending(
        "ntf_1-chn_1", "ntf_1", "chn_1", ACME, Medium.WEBHOOK, "https://example.org/hook?…", NOON,
        NOON + HOUR, 3, NOON, None, "answered 500",
    ),
    Sending(
        "ntf_1-chn_2", "ntf_1", "chn_2", None, Medium.EMAIL, "fleet@example.org", NOON, None, 1,
        NOON, NOON,
    ),
    Grant("g1", CAROL, Role.ADMIN),
    Grant("g2", CAROL, Role.OWNER, ACME),
    Grant("g3", CAROL, Role.MEMBER, ACME, ACME_LAB),
    Token("t1", CAROL, "digest-1", "laptop", NOON),
    Token("t2", CAROL, "digest-2", "phone", NOON, NOON + DAY, NOON + HOUR),
    SshKey("k1", ACME, ACME_LAB, "laptop", "ssh-ed25519 AAAA", "SHA256:x", NOON),
    *CONTRACT_ROWS,
    quote("quo_1"),
    replace(
        quote("quo_2", BOLT), name="signed", approver=CAROL, approved=NOON, signer=CAROL,
        signed=NOON + HOUR, contract=ContractId("ctr_9"),
    ),
    replace(quote("quo_3"), withdrawn=NOON + HOUR),
    promise("r1", 1, Interval(NOON, NOON + 90 * DAY)),
    Reservation(
        "r2", SITE, POOL, 1, Interval(NOON, NOON + DAY), ReservationKind.HOLD, "h", BOLT,
        NOON + HOUR,
    ),
    Reservation(
        "r3", SITE, POOL, 1, Interval(NOON + 900 * DAY, NOON + 901 * DAY), ReservationKind.HOLD,
        "ctr_1", ACME, NOON + HOUR, renews=1,
    ),
    claim("c1", "node-1", Slots(0b1011_0001), Span(NOON)),
    claim("c2", "node-1", all_slots(8), Span(NOON - DAY, NOON)),
    lease("lse_1")[0],
    invoice("EX-1", "seller/2026-11/acme"),
    replace(
        invoice("EX-2", "month/acme/2"), paid=cny(50), credited=cny(56), project=ACME_LAB,
        purchase_order="PO 7",
    ),
    replace(
        invoice("EX-CR-1", "credit/drf_2"), net=cny(-60), tax=cny(-4), gross=cny(-64),
        paid=cny(-1), credited=cny(-56), kind=InvoiceKind.CREDIT_NOTE, credits=InvoiceId("EX-2"),
        reason="a bad day",
    ),
    replace(invoice("EX-3", "month/acme/3"), voided=NOON, replaced=InvoiceId("EX-2"), reason="no"),
    Draft(
        "drf_1", DraftKind.LINES, ENTITY, ACME, MONTH,
        (
            DraftLine("Set-up", cny(5), contract=ContractId("ctr_1")),
            DraftLine("A discount", cny(-1), project=ACME_LAB),
        ),
        "by hand", CAROL, NOON, approver=PrincipalId("dora"), approved=NOON,
    ),
    Draft(
        "drf_2", DraftKind.CREDIT, ENTITY, ACME, MONTH, (DraftLine("Line 1", cny(60), 1),),
        "a bad day", CAROL, NOON, InvoiceId("EX-2"), True, PrincipalId("dora"), NOON,
        issued=InvoiceId("EX-CR-1"),
    ),
    Draft(
        "drf_3", DraftKind.LINES, ENTITY, BOLT, MONTH, (DraftLine("no", cny(1)),), "", CAROL, NOON,
    ),
    Payment("pay_1", "EX-2/wire 7", ENTITY, ACME, NOON, cny(60), "wire 7"),
    Allocation("alc_1", ENTITY, ACME, NOON, "pay_1", InvoiceId("EX-2"), cny(50)),
    Allocation("alc_2", ENTITY, ACME, NOON, "pay_1", None, cny(10), reference="back"),
    Allocation("alc_3", ENTITY, ACME, NOON, "pay_1", InvoiceId("EX-2"), cny(-50), "alc_1"),
    InvoiceParties(
        InvoiceId("EX-1"), ACME, Party("Example Seller", "CN", "91"),
        Party("Example acme", "DE", "DE1", Details("Acme GmbH", "Straße 1", "Köln", bank="中")),
    ),
    DigitalInvoice("EX-1/blue", InvoiceId("EX-1"), ACME, "simulated", Colour.BLUE, NOON),
    DigitalInvoice(
        "EX-CR-1/red", InvoiceId("EX-CR-1"), ACME, "simulated", Colour.RED, NOON, "S-1", "S-2",
        NOON + HOUR, "text/plain", "U0lNVUxBVEVE",
    ),
    Reminder("EX-1/1", InvoiceId("EX-1"), ACME, 1, NOON, cny(106)),
    BillingTerms(
        ACME, ENTITY, 45, True, Decimal("4.5"),
        (OrderNumber("PO 7"), OrderNumber("PO 8", contract=ContractId("ctr_1"))),
    ),
    BillingTerms(BOLT, ENTITY), SellerTerms(ENTITY, "EX-CR", Decimal("5.25"), True),
    *CREDIT_ROWS,
    *METERED_ROWS,
    *use_rows(ENTITY, (ACME, ACME_LAB), SITE, SKU),
    *PRICE_ROWS,
    line("l1", "usage/lse_1"),
    InvoiceLine(
        "l2", InvoiceId("EX-1"), ACME, 2,
        Line("pre", LineKind.PREPAYMENT, "", MONTH, Interval(NOON, NOON + HOUR), cny(-1)),
    ),
    entry("e1", 100),
    Entry(
        EntryId("e2"), ENTITY, NOON, "two currencies",
        (
            Posting(Account.BANK, Money(100, "USD"), cny(710), None, None),
            Posting(Account.RECEIVABLE, Money(-100, "USD"), cny(-710), ACME, None),
        ),
    ),
    Close("seller/2026-10", ENTITY, Month(2026, 10), NOON),
    Audit("a1", NOON, CAROL, "lease.write", "lease/lse_1", None, "done"),
    Audit("a2", NOON, CAROL, "lease.write", "lease/lse_1", ACME, "not_allowed", "req", "why"),
    Idempotency("carol/key", "f" * 64, NOON, 201, '{"id": "lse_1"}'),
    SitePass(SITE, NOON),
    Stray(LeaseId("lse_unknown"), SITE, NOON),
    LoopLease("loops", "host-1", 4, NOON),
)  # fmt: skip
