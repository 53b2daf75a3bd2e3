"""What was typed into a form, as a value; Invalid names the field where it is none."""

from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation

from rackrate.core.errors import Invalid
from rackrate.core.interval import zone
from rackrate.core.money import Money


def whole(field: str, text: str, digits: int = 7) -> int:
    """A whole number of at most so many digits."""
    if not (text.isascii() and text.isdigit() and len(text) <= digits):
        raise Invalid(field, f"{text!r} is not a whole number")
    return int(text)


def percent(field: str, text: str) -> Decimal:
    """0 to 100; nothing typed is 0."""
    try:
        found = Decimal(text or "0")
    except InvalidOperation:
        raise Invalid(field, f"{text!r} is not a percentage") from None
    if not (found.is_finite() and 0 <= found <= 100 and len(text) < 12):
        raise Invalid(field, f"{text!r} is not 0 to 100")
    return found


def money(field: str, text: str, currency: str) -> Money:
    """An amount, with or without commas between thousands."""
    try:
        return Money.parse(text.replace(",", "").strip(), currency)
    except ValueError as error:
        raise Invalid(field, str(error)) from None


def day(field: str, text: str, zone_name: str) -> datetime:
    """Midnight of a day on a calendar."""
    try:
        local = datetime.combine(date.fromisoformat(text), time(), zone(zone_name))
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(field, f"{text!r} is not a day such as 2027-03-01") from None


def instant(field: str, text: str, zone_name: str) -> datetime:
    """Midnight of a day on a calendar, or an instant that was given whole."""
    try:
        local = datetime.fromisoformat(text)
        if local.tzinfo is None:
            local = local.replace(tzinfo=zone(zone_name))
        return local.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        raise Invalid(field, f"{text!r} is not a day such as 2027-03-01") from None
