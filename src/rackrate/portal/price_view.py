"""What prices are for, in words that a page can say in either language."""

from collections.abc import Mapping

from rackrate.core.contract_price import PriceUnit
from rackrate.core.pricing import ADDRESS, EGRESS, STORAGE, Unit
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
ITEM_NAMES = {STORAGE: msg("Storage"), ADDRESS: msg("Address"), EGRESS: msg("Egress")}
HOUR_S = 3600
# What a quantity of a line is shown in: how much of what is counted, and its word.
SHOWN: Mapping[str, tuple[int, str]] = {
    Unit.GB_MONTH: (HOUR_S, msg("GB-h")),
    Unit.ADDRESS_HOUR: (HOUR_S, msg("address-h")),
    Unit.ADDRESS_MONTH: (HOUR_S, msg("address-h")),
    Unit.EGRESS_GB: (10**9, msg("GB of egress")),
    Unit.EGRESS_GIB: (2**30, msg("GiB of egress")),
}
COUNTED: Mapping[str, str] = {
    Unit.GB_MONTH: msg("GB-seconds measured"),
    Unit.ADDRESS_HOUR: msg("address-seconds measured"),
    Unit.ADDRESS_MONTH: msg("address-seconds measured"),
    Unit.EGRESS_GB: msg("bytes read"),
    Unit.EGRESS_GIB: msg("bytes read"),
}


def shown_in(unit: str) -> tuple[int, str]:
    """How much of what is counted is one of what is shown, and the word for that."""
    return SHOWN.get(unit, (HOUR_S, msg("slot-h")))


def counted(unit: str) -> str:
    """What is counted for a price of this unit."""
    return COUNTED.get(unit, msg("slot-seconds measured"))


def unit_name(unit: str) -> str:
    """What an amount is for, to be said in the reader's language; lines of before are by hour."""
    return UNITS[unit or Unit.SLOT_HOUR]
