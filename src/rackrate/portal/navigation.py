"""Where one can go: one table for those who work for the operator, one for customers."""

from dataclasses import dataclass

from rackrate.core.access import ROLES, Actor, Verb
from rackrate.portal.messages import msg


@dataclass(frozen=True, slots=True)
class Place:
    """A page. `needs` is the verb without which there is nothing to see; `key` follows `g`.

    `brief` is its title where there is little room.
    """

    path: str
    title: str
    icon: str
    needs: Verb
    key: str = ""
    brief: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    places: tuple[Place, ...]


OPERATOR = (
    Group("", (Place("/", msg("Overview"), "home", Verb.FLEET_READ, "o"),)),
    Group(
        msg("Fleet"),
        (
            Place("/fleet", msg("Fleet map"), "map", Verb.FLEET_READ, "f"),
            Place("/nodes", msg("Nodes"), "nodes", Verb.FLEET_READ, "n"),
            Place("/purchase-orders", msg("Purchase orders"), "truck", Verb.FLEET_READ, "v"),
        ),
    ),
    Group(
        msg("Sell"),
        (
            Place("/start", msg("Start a lease"), "start", Verb.LEASE_WRITE, "s", msg("Start")),
            Place("/leases", msg("Leases"), "leases", Verb.LEASE_READ, "l"),
            Place(
                "/capacity",
                msg("Capacity calendar"),
                "calendar",
                Verb.FLEET_READ,
                "d",
                msg("Dates"),
            ),
            Place("/prices", msg("Price list"), "prices", Verb.CATALOGUE_READ, "p", msg("Prices")),
            Place("/quotes", msg("Quotes"), "quotes", Verb.QUOTE_READ, "q"),
            Place("/contracts", msg("Contracts"), "contracts", Verb.CONTRACT_READ, "c"),
            Place("/customers", msg("Customers"), "people", Verb.CUSTOMER_READ, "u"),
        ),
    ),
    Group(
        msg("Money"),
        (
            Place("/invoices", msg("Invoices"), "invoices", Verb.INVOICE_READ, "i"),
            Place("/receivables", msg("Receivables"), "invoices", Verb.LEDGER_READ, "r"),
            Place("/ledger", msg("Ledger"), "ledger", Verb.LEDGER_READ, "b"),
        ),
    ),
    Group(
        msg("Settings"),
        (
            Place("/notifications", msg("Notifications"), "bell", Verb.CHANNEL_READ, "e"),
            Place("/audit", msg("Audit log"), "audit", Verb.AUDIT_READ, "a"),
            Place("/tokens", msg("Tokens"), "keys", Verb.CATALOGUE_READ, "t"),
        ),
    ),
)

CUSTOMER = (
    Group("", (Place("/", msg("Home"), "home", Verb.LEASE_READ, "o"),)),
    Group(
        msg("Compute"),
        (
            Place("/start", msg("Start a lease"), "start", Verb.LEASE_WRITE, "s", msg("Start")),
            Place("/leases", msg("Leases"), "leases", Verb.LEASE_READ, "l"),
            Place(
                "/prices",
                msg("Stock and prices"),
                "prices",
                Verb.CATALOGUE_READ,
                "p",
                msg("Prices"),
            ),
        ),
    ),
    Group(
        msg("Money"),
        (
            Place("/quotes", msg("Quotes"), "quotes", Verb.QUOTE_READ, "q"),
            Place("/contracts", msg("Contracts"), "contracts", Verb.CONTRACT_READ, "c"),
            Place("/invoices", msg("Invoices"), "invoices", Verb.INVOICE_READ, "i"),
            Place("/billing", msg("Spend and budgets"), "ledger", Verb.INVOICE_READ, "b"),
        ),
    ),
    Group(
        msg("Account"),
        (
            Place("/projects", msg("Projects and members"), "people", Verb.PROJECT_READ, "m"),
            Place("/tokens", msg("Keys and tokens"), "keys", Verb.CATALOGUE_READ, "t"),
            Place("/notifications", msg("Notifications"), "bell", Verb.CHANNEL_READ, "e"),
            Place("/audit", msg("Audit log"), "audit", Verb.AUDIT_READ, "a"),
        ),
    ),
)
TABS = ("/", "/fleet", "/start", "/leases", "/prices", "/invoices")


def verbs(actor: Actor) -> frozenset[Verb]:
    """Everything that one of the actor's grants allows somewhere, so that there is a list of it."""
    return frozenset(
        verb
        for grant in actor.grants
        for verb in ROLES[grant.role][1]
        # Contracts are listed for a whole customer.
        if grant.project is None or verb is not Verb.CONTRACT_READ
    )


def groups(actor: Actor) -> tuple[Group, ...]:
    """The navigation of this actor: what it may see, and nothing that it may not."""
    may = verbs(actor)
    table = OPERATOR if actor.operator else CUSTOMER
    kept = (Group(g.title, tuple(p for p in g.places if p.needs in may)) for g in table)
    return tuple(group for group in kept if group.places)


def tabs(actor: Actor) -> tuple[Place, ...]:
    """At most five of them, for the bar at the bottom of a small screen."""
    places = [place for group in groups(actor) for place in group.places]
    return tuple(sorted((p for p in places if p.path in TABS), key=lambda p: TABS.index(p.path)))[
        :5
    ]
