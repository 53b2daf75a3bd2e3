"""What the hardware costs, with and without VAT, and what is left of it at the end."""

from dataclasses import dataclass
from fractions import Fraction

from rackrate.core.money import half_up


@dataclass(frozen=True, slots=True)
class Cluster:
    """Servers of one kind; `unit_price` in minor units, VAT included if `tax_inclusive`.

    A server is not a GPU: economics.md C2 is what happens when the two are mixed up.
    """

    servers: int
    gpus_per_server: int
    chip: str
    unit_price: int
    vat_rate: Fraction
    tax_inclusive: bool

    @property
    def gpus(self) -> int:
        return self.servers * self.gpus_per_server

    @property
    def gross(self) -> int:
        """Paid to the supplier: servers x price, VAT included (economics.md C1)."""
        listed = self.servers * self.unit_price
        return listed if self.tax_inclusive else listed + half_up(listed * self.vat_rate)

    @property
    def net(self) -> int:
        """The cost in the books of a taxpayer who gets the input VAT back (economics.md 3.2)."""
        listed = self.servers * self.unit_price
        return half_up(listed / (1 + self.vat_rate)) if self.tax_inclusive else listed

    @property
    def vat(self) -> int:
        """Input VAT in the price: 13/113 of a tax-inclusive one (economics.md C7)."""
        return self.gross - self.net


def residual_value(cost: int, share: Fraction) -> int:
    """What the hardware is sold for at the end, as a share of its cost (economics.md C8)."""
    return half_up(cost * share)
