"""Whether a customer may lease a chip at a site: quotes and leases ask this one rule."""

from rackrate.core.chips import Chip
from rackrate.core.errors import Reason, Refused
from rackrate.core.inventory import Site
from rackrate.core.parties import Customer


def check_eligible(customer: Customer, chip: Chip, site: Site) -> None:
    """Refused `not_eligible` where export rules bar the customer's country from the chip."""
    if customer.country in chip.barred_countries:
        raise Refused(
            Reason.NOT_ELIGIBLE,
            f"{chip.model} at {site.name} may not be leased by customers of {customer.country}",
            {"chip": chip.id, "country": customer.country},
        )
