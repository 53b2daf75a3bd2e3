"""Who may lease which chip where: each rule as a customer would hear it."""

from dataclasses import replace
from decimal import Decimal

import pytest

from rackrate.core.chips import Chip, Confidence
from rackrate.core.eligibility import check_eligible, why_not
from rackrate.core.errors import Reason, Refused
from rackrate.core.ids import ChipId, CustomerId, EntityId, SiteId
from rackrate.core.inventory import Site
from rackrate.core.parties import Customer

CUSTOMER = Customer(
    CustomerId("acme"), EntityId("e"), "Example Acme", "CN", "", "Asia/Shanghai", "CNY"
)
CHIP = Chip(
    ChipId("h100"), "NVIDIA", "H100", Decimal(80), Decimal(989), None, 700, "", Confidence.DATASHEET
)
SITE = Site(SiteId("east"), EntityId("e"), "East", "CN", "Asia/Shanghai", "sim", True)
PLAIN = (CUSTOMER, CHIP, SITE, False)


def told(customer: Customer, chip: Chip, site: Site, alone: bool) -> tuple[str, str]:
    with pytest.raises(Refused) as caught:
        check_eligible(customer, chip, site, alone)
    assert caught.value.reason is Reason.NOT_ELIGIBLE
    return str(caught.value.facts["rule"]), caught.value.detail


def test_where_no_rule_is_written_everybody_may_have_everything() -> None:
    assert why_not(*PLAIN) is None
    check_eligible(*PLAIN)


def test_an_export_rule_bars_a_country() -> None:
    chip = replace(CHIP, barred_countries=("CN", "IR"))
    rule, said = told(CUSTOMER, chip, SITE, False)
    assert (rule, said) == ("country", "H100 at East may not be leased by customers of CN")
    assert why_not(replace(CUSTOMER, country="SG"), chip, SITE) is None


def test_an_export_rule_bars_a_sector_and_an_end_use() -> None:
    chip = replace(CHIP, barred_sectors=("defence",), barred_end_uses=("weapons",))
    defence = replace(CUSTOMER, sector="defence")
    assert told(defence, chip, SITE, False) == (
        "sector",
        "H100 at East may not be leased by customers of the sector defence",
    )
    weapons = replace(CUSTOMER, end_use="weapons")
    assert told(weapons, chip, SITE, False) == (
        "end_use",
        "H100 at East may not be leased for weapons",
    )
    assert why_not(replace(CUSTOMER, sector="retail", end_use="training"), chip, SITE) is None


def test_data_stays_in_the_countries_that_the_customer_names() -> None:
    european = replace(CUSTOMER, country="DE", data_countries=("DE", "FR"))
    assert told(european, CHIP, SITE, False) == (
        "data_residency",
        "East is in CN, and the data of Example Acme stays in DE, FR",
    )
    assert why_not(european, CHIP, replace(SITE, country="FR")) is None


def test_who_takes_domestic_chips_only_takes_none_of_unknown_origin() -> None:
    domestic = replace(CUSTOMER, domestic_chips=True)
    assert told(domestic, CHIP, SITE, False) == (
        "domestic_chips",
        "H100 is of no known origin, and Example Acme takes chips from CN only",
    )
    assert "is from US" in told(domestic, replace(CHIP, origin="US"), SITE, False)[1]
    assert why_not(domestic, replace(CHIP, origin="CN"), SITE) is None
    # CPU slots are no accelerator, and the rule does not ask for them.
    assert why_not(domestic, replace(CHIP, accelerator=False), SITE) is None


def test_who_shares_no_block_leases_nothing_that_shares_one() -> None:
    private = replace(CUSTOMER, dedicated_block=True)
    assert told(private, CHIP, SITE, False)[0] == "dedicated_block"
    assert why_not(private, CHIP, SITE, alone=True) is None


def test_of_several_rules_the_first_is_told() -> None:
    chip = replace(CHIP, barred_countries=("CN",), barred_sectors=("defence",))
    both = replace(CUSTOMER, sector="defence", dedicated_block=True)
    assert told(both, chip, SITE, False)[0] == "country"
