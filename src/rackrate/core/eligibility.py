"""Whether a customer may lease a chip at a site: quotes, contracts and leases ask this one rule."""

from rackrate.core.chips import Chip
from rackrate.core.errors import Reason, Refused
from rackrate.core.inventory import Site
from rackrate.core.parties import Customer


def check_eligible(customer: Customer, chip: Chip, site: Site, alone: bool = False) -> None:
    """Refused `not_eligible` with the rule that says no, and what it looked at.

    `alone`: what is asked for shares its block with nobody. What is not known of a chip counts
    against it where a rule asks for it.
    """
    found = why_not(customer, chip, site, alone)
    if found is not None:
        rule, detail = found
        facts = {"rule": rule, "chip": chip.id, "site": site.id, "country": customer.country}
        raise Refused(Reason.NOT_ELIGIBLE, detail, facts)


def why_not(
    customer: Customer, chip: Chip, site: Site, alone: bool = False
) -> tuple[str, str] | None:
    """The first rule that says no, and its sentence; None where the customer may."""
    what = f"{chip.model} at {site.name}"
    if customer.country in chip.barred_countries:
        return "country", f"{what} may not be leased by customers of {customer.country}"
    if customer.sector and customer.sector in chip.barred_sectors:
        return "sector", f"{what} may not be leased by customers of the sector {customer.sector}"
    if customer.end_use and customer.end_use in chip.barred_end_uses:
        return "end_use", f"{what} may not be leased for {customer.end_use}"
    if customer.data_countries and site.country not in customer.data_countries:
        allowed = ", ".join(customer.data_countries)
        return "data_residency", (
            f"{site.name} is in {site.country}, and the data of {customer.name} stays in {allowed}"
        )
    if customer.domestic_chips and chip.accelerator and chip.origin != customer.country:
        origin = f"is from {chip.origin}" if chip.origin else "is of no known origin"
        return "domestic_chips", (
            f"{chip.model} {origin}, and {customer.name} takes chips from {customer.country} only"
        )
    if customer.dedicated_block and not alone:
        return "dedicated_block", (
            f"{customer.name} shares no block with others: it leases under a contract of its own "
            "blocks"
        )
    return None
