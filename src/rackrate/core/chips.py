"""The chip catalogue: accelerator models with datasheet numbers that say where they come from."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from rackrate.core.ids import ChipId


class Confidence(StrEnum):
    """How far a number can be trusted; `disputed` when public sources contradict each other."""

    DATASHEET = "datasheet"
    SECONDARY = "secondary"
    DISPUTED = "disputed"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Chip:
    """One accelerator model. Peaks are BF16 TFLOPS of one chip, dense and sparse apart.

    A number that nobody states is None: it is never derived from the other by a factor.
    `accelerator` is False for plain CPU slots that are sold as such. Customers of
    `barred_countries` (ISO 3166 alpha-2, as the operator's export rules say) may not lease it, nor
    may those of `barred_sectors`, or for `barred_end_uses`. `origin` is the country of its maker,
    empty where nobody states it.
    """

    id: ChipId
    vendor: str
    model: str
    memory_gb: Decimal | None
    dense_tflops: Decimal | None
    sparse_tflops: Decimal | None
    power_w: int | None
    source: str
    confidence: Confidence
    accelerator: bool = True
    barred_countries: tuple[str, ...] = ()
    origin: str = ""
    barred_sectors: tuple[str, ...] = ()
    barred_end_uses: tuple[str, ...] = ()
