"""The kinds of row that a store keeps, and the few facts about each that every store needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rackrate.core.access import Grant
from rackrate.core.address import Address, AddressPool
from rackrate.core.billing_terms import BillingTerms, SellerTerms
from rackrate.core.breach import Breach
from rackrate.core.budget import Budget
from rackrate.core.calendar import Claim, Reservation
from rackrate.core.chips import Chip
from rackrate.core.contract import Contract, Delivery
from rackrate.core.contract_price import ContractPrice
from rackrate.core.credit import CreditTally
from rackrate.core.currency import CurrencyRate, InvoiceRate
from rackrate.core.digital import DigitalInvoice
from rackrate.core.draft import Draft
from rackrate.core.ids import EntityId, LeaseId, SiteId
from rackrate.core.interval import Month
from rackrate.core.inventory import Block, Entity, Node, Rack, Site, Sku
from rackrate.core.invoice import Invoice, InvoiceLine
from rackrate.core.lease import Lease
from rackrate.core.ledger import Entry
from rackrate.core.outbox import Channel, Notification, Sending
from rackrate.core.parties import (
    Audit,
    Customer,
    Idempotency,
    InvoiceParties,
    Principal,
    Project,
    SshKey,
    Token,
)
from rackrate.core.payment import Allocation, Payment
from rackrate.core.price_index import IndexValue, PriceIndex
from rackrate.core.pricing import Price
from rackrate.core.purchase import LeaseBack, PurchaseOrder
from rackrate.core.quote import Quote
from rackrate.core.reading import Reading
from rackrate.core.receivable import Dispute, LastReminding, Reminder
from rackrate.core.wallet import Wallet


@dataclass(frozen=True, slots=True)
class Close:
    """A month that an entity has closed. `id` is entity/month: closing twice is closing once."""

    id: str
    entity: EntityId
    month: Month
    at: datetime


@dataclass(frozen=True, slots=True)
class SitePass:
    """The last full pass over a site in which its engine answered. `id` is the site's."""

    id: SiteId
    at: datetime


@dataclass(frozen=True, slots=True)
class Stray:
    """What an engine runs and nobody here knows: under which name, and since when it is seen."""

    id: LeaseId
    site: SiteId
    seen: datetime


@dataclass(frozen=True, slots=True)
class LoopLease:
    """Who leads the loops: `holder` until `until`. `epoch` grows with every change of leader."""

    id: str
    holder: str
    epoch: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Kind:
    """`table` is its name in SQL; `finds` are the fields that `find` may ask for.

    `customer` says which field holds whose row it is, for confinement; empty: everybody's. With
    `common` a row of nobody is everybody's, too.
    `append_only` rows can be added, and never put or removed.
    """

    table: str
    finds: tuple[str, ...] = ()
    customer: str = ""
    append_only: bool = False
    common: bool = False


KINDS: Mapping[type, Kind] = {
    Entity: Kind("entity"),
    Site: Kind("site", ("entity",)),
    Block: Kind("block", ("site",)),
    Rack: Kind("rack", ("site",)),
    Chip: Kind("chip"),
    Node: Kind("node", ("site", "block", "chip", "state", "order")),
    Sku: Kind("sku", ("site", "chip")),
    Price: Kind("price", ("sku", "klass", "currency"), customer="customer", common=True),
    ContractPrice: Kind("contract_price", ("sku", "currency")),
    PriceIndex: Kind("price_index"),
    IndexValue: Kind("index_value", ("index",), append_only=True),
    CurrencyRate: Kind("currency_rate", ("currency", "target"), append_only=True),
    Customer: Kind("customer", ("entity",), customer="id"),
    Project: Kind("project", ("customer",), customer="customer"),
    Principal: Kind("principal", ("email",)),
    Grant: Kind("grants", ("principal", "customer", "project")),
    Token: Kind("token", ("principal", "digest")),
    SshKey: Kind("ssh_key", ("project", "customer"), customer="customer"),
    Contract: Kind("contract", ("id", "entity", "customer", "dedicated"), customer="customer"),
    Delivery: Kind("delivery", ("contract", "customer", "awaiting"), customer="customer"),
    Quote: Kind("quote", ("customer",), customer="customer"),
    PurchaseOrder: Kind("purchase_order", ("site",)),
    LeaseBack: Kind("lease_back", ("id", "order", "site")),
    Breach: Kind("breach", ("site", "holder", "customer", "unmended"), customer="customer"),
    Reservation: Kind("reservation", ("site", "pool", "holder", "kind")),
    Lease: Kind("lease", ("customer", "project", "phase", "live", "site"), customer="customer"),
    AddressPool: Kind("address_pool", ("site",)),
    Address: Kind("address", ("customer", "project", "site", "pool", "freed"), customer="customer"),
    Reading: Kind(
        "reading",
        ("id", "customer", "project", "lease", "meter", "begun", "told"),
        customer="customer",
        append_only=True,
    ),
    Claim: Kind("claim", ("site", "node", "holder", "open")),
    Invoice: Kind(
        "invoice",
        ("customer", "entity", "month", "cause", "credits", "unsettled", "lapsed"),
        customer="customer",
    ),
    InvoiceLine: Kind(
        "invoice_line", ("invoice", "contract", "source"), customer="customer", append_only=True
    ),
    Draft: Kind("draft", ("customer", "entity", "invoice", "ready"), customer="customer"),
    InvoiceParties: Kind("invoice_parties", customer="customer", append_only=True),
    InvoiceRate: Kind("invoice_rate", customer="customer", append_only=True),
    DigitalInvoice: Kind("digital_invoice", ("invoice",), customer="customer"),
    Payment: Kind("payment", ("customer", "entity", "key"), customer="customer", append_only=True),
    Allocation: Kind(
        "allocation",
        ("source", "invoice", "customer", "entity"),
        customer="customer",
        append_only=True,
    ),
    Reminder: Kind("reminder", ("invoice", "customer"), customer="customer", append_only=True),
    Dispute: Kind("dispute", ("id", "customer"), customer="customer"),
    LastReminding: Kind("last_reminding"),
    BillingTerms: Kind("billing_terms", ("entity",), customer="id"),
    SellerTerms: Kind("seller_terms"),
    Budget: Kind("budget", ("customer",), customer="customer"),
    CreditTally: Kind("credit_tally", customer="id"),
    Wallet: Kind("wallet", ("entity",), customer="id"),
    Entry: Kind("entry", ("entity",), append_only=True),
    Close: Kind("close", ("entity",), append_only=True),
    Audit: Kind("audit", ("principal", "customer", "verb"), append_only=True),
    Channel: Kind("channel", ("customer",), customer="customer"),
    Notification: Kind(
        "notification", ("customer", "topic", "state", "cause"), customer="customer"
    ),
    Sending: Kind(
        "sending", ("notification", "channel", "waiting", "customer"), customer="customer"
    ),
    Idempotency: Kind("idempotency"),
    SitePass: Kind("site_pass"),
    Stray: Kind("stray", ("site",)),
    LoopLease: Kind("loop_lease"),
}
