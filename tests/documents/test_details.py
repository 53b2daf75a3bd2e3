"""What files say of parties beside their names: applied, shown as a difference, refused by line."""

import pytest

from rackrate.core.errors import Invalid
from rackrate.core.ids import CustomerId
from rackrate.core.inventory import Entity
from rackrate.core.parties import Customer, Details
from tests.build import CUSTOMERS, SMALL, build
from tests.documents.issued import SELLER

SAYS = "details: {street: 1 Sample Road, city: Shanghai}\n"
TOLD = CUSTOMERS.replace("country: CN\n", f"country: CN\n{SAYS}", 1)


def test_details_are_applied_shown_and_kept() -> None:
    built = build(SMALL, TOLD)
    with built.world.store.transaction() as tx:
        robotics = tx.get(Customer, CustomerId("robotics"))
        assert robotics.details == Details(street="1 Sample Road", city="Shanghai")
        assert tx.get(Entity, SELLER).details == Details()
    moved = built.apply(TOLD.replace("1 Sample", "2 Sample"), dry_run=True)
    (change,) = [one for one in moved.changes if one.fields]
    assert [field.new for field in change.fields] == ["street 2 Sample Road; city Shanghai"]
    assert not [one for one in built.apply(TOLD).changes if one.fields]


@pytest.mark.parametrize(
    ("was", "instead", "said"),
    [
        ("street:", "strete:", "unknown field `details.strete`; did you mean 'street'?"),
        ("city: Shanghai", "account: DE88370400440532013000", "check digits are wrong"),
        (SAYS, "details: Shanghai\n", "`details` must be a mapping"),
        (SAYS, "tax_rule: eu-reverse-charge\n", "must be a VAT id of CN under eu-reverse-charge"),
        (SAYS, "tax_rule: eu-de-91\n", "'eu-de-91' is unknown"),
    ],
)
def test_a_wrong_one_is_refused_with_its_line(was: str, instead: str, said: str) -> None:
    with pytest.raises(Invalid, match=r"2\.yaml:\d+") as refused:
        build(SMALL, TOLD.replace(was, instead, 1))
    assert said in str(refused.value)


def test_a_channel_that_nobody_knows_is_refused() -> None:
    with pytest.raises(Invalid, match="`digital_invoices` is wrong"):
        build(SMALL.replace("invoice_series: EX", "invoice_series: EX\ndigital_invoices: mine"))
