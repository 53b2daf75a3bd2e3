"""Digital invoices of a tax authority's channel, with the simulated one, which says what it is."""

import base64
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from rackrate.app import digital
from rackrate.core.digital import Colour, DigitalInvoice, Issued, Order, to_issue
from rackrate.core.errors import Refused, Unavailable
from rackrate.core.ids import InvoiceId
from rackrate.core.inventory import Entity
from rackrate.core.invoice import Invoice, InvoiceKind
from rackrate.sim.channel import SimulatedChannel
from tests.documents.issued import NOVEMBER, SELLER, Shop, corrected, shop


class Slow(SimulatedChannel):
    """Answers when it is asked for the third time, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.orders: list[Order] = []

    def issue(self, order: Order) -> Issued | None:
        self.orders.append(order)
        return super().issue(order) if len(self.orders) > 2 else None


def opened(channel: SimulatedChannel | None = None) -> tuple[Shop, InvoiceId]:
    """A shop that issues digital invoices, and its first invoice."""
    made = shop("cn-service-6-by-line")
    with made.built.world.store.transaction() as tx:
        tx.put(replace(tx.get(Entity, SELLER), channel="simulated"))
    channels = {"simulated": channel or SimulatedChannel()}
    built = replace(made.built, world=replace(made.built.world, channels=channels))
    made = replace(made, built=built)
    made.run(10.5)
    (issued,) = made.close(NOVEMBER)
    return made, issued.id


def issue(made: Shop, id: InvoiceId) -> DigitalInvoice:
    return digital.issue(made.built.world, made.built.admin, id)


def test_an_invoice_gets_its_number_and_its_file_once() -> None:
    made, id = opened()
    first = issue(made, id)
    made.built.clock.advance(timedelta(days=1))
    assert issue(made, id) == first
    assert (first.colour, first.red_of, first.channel) == (Colour.BLUE, "", "simulated")
    assert digital.of_invoice(made.built.world, made.built.admin, id) == [first]


def test_what_is_simulated_says_so_and_looks_like_nobody_s_number() -> None:
    made, id = opened()
    issued = issue(made, id)
    assert issued.number.startswith("SIMULATED-")
    assert not re.fullmatch(r"\d{8}|\d{10}|\d{12}|\d{20}", issued.number)
    said = base64.b64decode(issued.file).decode("utf-8")
    assert said.startswith("SIMULATED: this is not an invoice of any tax authority")
    assert "不是任何税务机关开具的发票" in said and "net: 357.00 EUR" in said


def test_what_was_asked_is_kept_while_the_channel_has_not_answered() -> None:
    slow = Slow()
    made, id = opened(slow)
    for _ in range(2):
        waiting = issue(made, id)
        assert (waiting.number, waiting.issued) == ("", None)
    assert issue(made, id).number and issue(made, id).number
    # Once it has answered it is not asked again; and it was asked for the same each time.
    assert len(slow.orders) == 3 and len({order.id for order in slow.orders}) == 1


def test_a_channel_that_is_away_has_the_order_when_it_is_back() -> None:
    class Away(SimulatedChannel):
        def issue(self, order: Order) -> Issued | None:
            raise Unavailable("the tax authority does not answer")

    made, id = opened(Away())
    with pytest.raises(Unavailable, match="does not answer"):
        issue(made, id)
    (asked,) = digital.of_invoice(made.built.world, made.built.admin, id)
    assert asked.number == ""
    world = replace(made.built.world, channels={"simulated": SimulatedChannel()})
    back = replace(made, built=replace(made.built, world=world))
    assert issue(back, id).asked == asked.asked and issue(back, id).number


def test_a_red_letter_names_the_blue_one_that_it_takes_back() -> None:
    made, id = opened()
    with made.built.world.store.transaction() as tx:
        of = tx.get(Invoice, id)
        tx.put(replace(of, voided=made.built.clock.now()))
    with pytest.raises(Refused, match="has no digital invoice that"):
        issue(made, id)
    with made.built.world.store.transaction() as tx:
        tx.put(of)
    blue = issue(made, id)
    with made.built.world.store.transaction() as tx:
        tx.put(replace(of, voided=made.built.clock.now()))
    red = issue(made, id)
    assert (red.colour, red.red_of) == (Colour.RED, blue.number)
    assert "net: -357.00 EUR" in base64.b64decode(red.file).decode()
    both = digital.of_invoice(made.built.world, made.built.admin, id)
    assert [one.colour for one in both] == [Colour.BLUE, Colour.RED]


def test_a_credit_note_s_red_letter_has_its_own_amounts() -> None:
    made, id = opened()
    credit = made.credit(id, "33.33")
    with pytest.raises(Refused, match="has no digital invoice that"):
        issue(made, credit.invoice.id)
    blue = issue(made, id)
    red = issue(made, credit.invoice.id)
    assert (red.colour, red.red_of) == (Colour.RED, blue.number)
    assert "net: -33.33 EUR\ntax: -2.00 EUR" in base64.b64decode(red.file).decode()


def test_a_credit_that_takes_no_invoice_back_has_no_red_letter() -> None:
    credit = corrected()
    assert credit.invoice.kind is InvoiceKind.CREDIT_NOTE
    with pytest.raises(Refused, match="takes no invoice back"):
        to_issue(credit.invoice, [], "simulated", credit.invoice.issued)


def test_without_a_channel_it_is_said_how_to_have_one() -> None:
    made = shop()
    made.run(1)
    (issued,) = made.close(NOVEMBER)
    with pytest.raises(Refused, match=r"missing: entity\.digital_invoices"):
        issue(made, issued.id)
    with made.built.world.store.transaction() as tx:
        tx.put(replace(tx.get(Entity, SELLER), channel="simulated"))
    with pytest.raises(Unavailable, match="not connected"):
        issue(made, issued.id)
