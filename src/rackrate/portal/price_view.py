"""What prices are for, in words that a page can say in either language."""

from collections.abc import Mapping

from rackrate.core.contract_price import PriceUnit
from rackrate.core.pricing import Unit
from rackrate.portal.messages import msg

UNITS: Mapping[str, str] = {
    PriceUnit.GPU_MONTH: msg("GPU-month"),
    Unit.SLOT_SECOND: msg("slot-second"),
    Unit.SLOT_HOUR: msg("slot-hour"),
    Unit.GPU_SECOND: msg("GPU-second"),
    Unit.GPU_HOUR: msg("GPU-hour"),
    Unit.NODE_MONTH: msg("node-month"),
    Unit.PFLOPS_MONTH: msg("PFLOPS-month"),
    Unit.GB_MONTH: msg("GB-month"),
    Unit.ADDRESS_HOUR: msg("address-hour"),
    Unit.ADDRESS_MONTH: msg("address-month"),
    Unit.EGRESS_GB: msg("GB of egress"),
    Unit.EGRESS_GIB: msg("GiB of egress"),
}


def unit_name(unit: str) -> str:
    """What an amount is for, to be said in the reader's language; lines of before are by hour."""
    return UNITS[unit or Unit.SLOT_HOUR]
