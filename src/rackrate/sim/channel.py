"""A channel for digital invoices without a tax authority behind it. It says so on all it makes."""

from rackrate.core.digital import Issued, Item, Order
from rackrate.core.money import total

NOTICE = (
    "SIMULATED: this is not an invoice of any tax authority, and has no legal effect.",
    "模拟：本文件不是任何税务机关开具的发票，不具法律效力。",
)


class SimulatedChannel:
    """Answers at once, and the same for the same order. Its numbers look like nobody else's."""

    name = "simulated"

    def issue(self, order: Order) -> Issued | None:
        number = f"SIMULATED-{order.id.replace('/', '-')}"
        currency = order.items[0].net.currency if order.items else "CNY"
        said = [
            *NOTICE,
            f"number: {number}",
            f"colour: {order.colour}",
            f"takes back: {order.red_of}" if order.red_of else "",
            f"for: {order.number}",
            f"seller: {order.seller.legal_name}",
            f"buyer: {order.buyer.legal_name}",
            *(_said(each) for each in order.items),
            f"net: {total((each.net for each in order.items), currency)}",
            f"tax: {total((each.tax for each in order.items), currency)}",
        ]
        text = "\n".join(line for line in said if line) + "\n"
        return Issued(number, "text/plain", text.encode("utf-8"))


def _said(item: Item) -> str:
    code = f"; class {item.tax_code}" if item.tax_code else ""
    return f"item: {item.name}; net {item.net}; {item.rule.percent} %; tax {item.tax}{code}"
