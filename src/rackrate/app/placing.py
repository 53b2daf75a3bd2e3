"""Where a lease goes: what it asks of the fleet, its claims, and why nothing fits."""

from dataclasses import replace
from datetime import datetime

from rackrate.app import giveway
from rackrate.app.ports import Tx
from rackrate.core.calendar import NOTHING, SPOT_ACCOUNT, Claim, HolderKind
from rackrate.core.errors import Reason, Refused
from rackrate.core.giveway import CHANGEOVER, safe_at_start
from rackrate.core.interval import Span
from rackrate.core.inventory import Site, Sku
from rackrate.core.lease import LeaseClass, Terms
from rackrate.core.placement import Fleet, NoFit, Request
from rackrate.core.workload import Member


def account_of(terms: Terms) -> str:
    """Whose nodes it is on: its contract's, spot's, or those of what is sold on demand."""
    return SPOT_ACCOUNT if terms.klass is LeaseClass.SPOT else terms.account


def request_of(tx: Tx, sku: Sku, terms: Terms, same_block: bool = False) -> Request:
    """What it asks of the fleet. Spot leaves spare nodes alone, and is lent what contracts keep."""
    site = tx.get(Site, sku.site)
    kept = site.spare_percent + site.contract_percent
    if terms.klass is LeaseClass.SPOT:
        kept = site.spare_percent
    return Request(
        sku.chip,
        terms.nodes,
        terms.slots,
        whole_nodes=sku.whole_node,
        account=account_of(terms),
        same_block=same_block,
        kept_percent=NOTHING if terms.account else kept,
    )


def place(fleet: Fleet, request: Request, now: datetime) -> tuple[Member, ...] | NoFit:
    """Where it can stay for as long as its notice; if nowhere, where it can be for a while."""
    placed = fleet.place(request, now)
    if isinstance(placed, NoFit) and request.lasting > CHANGEOVER:
        placed = fleet.place(replace(request, lasting=CHANGEOVER), now)
    return placed


def refused(fleet: Fleet, request: Request, terms: Terms, placed: NoFit, now: datetime) -> Refused:
    """Why nothing fits, with the numbers that the asker needs next."""
    facts = {
        "slots_free": placed.slots_free,
        "nodes_free": placed.nodes_free,
        "one_node": placed.one_node,
        "members_fit": placed.members_fit,
    }
    if terms.account:
        text = f"{terms.contract} has room for {placed.nodes_free} more nodes now"
        return Refused(Reason.BEYOND_CONTRACT, text, facts)
    kept = giveway.kept_back(fleet, request, now)
    said = _shortage(request, terms, placed) + giveway.kept_words(kept)
    return Refused(Reason.NO_CAPACITY, said, {**facts, "nodes_kept": kept} if kept else facts)


def _shortage(request: Request, terms: Terms, fit: NoFit) -> str:
    free = "free for spot" if request.account == SPOT_ACCOUNT else "free"
    if request.whole_nodes:
        return f"at most {fit.members_fit} {terms.sku} are {free}, not {request.members}"
    if request.members > 1:
        return (
            f"at most {fit.members_fit} of {request.members} nodes have {request.slots} slots "
            f"{free}; {fit.slots_free} slots of {terms.sku} are {free} in all"
        )
    return (
        f"at most {fit.one_node} {terms.sku} are {free} on one node, {fit.slots_free} in all; "
        f"more than one node takes --nodes"
    )


def safe_until(
    fleet: Fleet, terms: Terms, members: tuple[Member, ...], now: datetime
) -> datetime | None:
    """Until when nothing that is promised needs these nodes; refused where that is too soon.

    To be asked after they are held. Spot is not safe for a second.
    """
    if terms.account or not members:
        return None
    if terms.klass is LeaseClass.SPOT:
        return now
    safe = safe_at_start(fleet, members, now)
    if safe is not None and safe <= now:
        text = f"the nodes that are free for {terms.sku} are promised to others from now on"
        raise Refused(Reason.NO_CAPACITY, text, {"slots_free": 0, "nodes_free": 0})
    return safe


def claims(
    fleet: Fleet, terms: Terms, generation: int, members: tuple[Member, ...], now: datetime
) -> list[Claim]:
    """The claims of a lease on its nodes, from now on or from when these are free."""
    during = Span(fleet.starts_at(members, now))
    return [
        Claim(
            claim_id(terms.id, generation, member.rank),
            terms.site,
            member.node,
            member.slots,
            during,
            HolderKind.LEASE,
            terms.id,
            account_of(terms),
        )
        for member in members
    ]


def claim_id(lease: str, generation: int, rank: int) -> str:
    return f"{lease}/{generation}/{rank}"
