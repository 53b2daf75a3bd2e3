"""How figures, money, instants and durations are written, in either language."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from markupsafe import Markup

from rackrate.core.interval import zone
from rackrate.core.money import Money, digits
from rackrate.core.pricing import HOURLY, Price

SYMBOLS = {"CNY": "¥", "JPY": "¥", "USD": "$", "EUR": "€", "GBP": "£"}
MINUS = "\N{MINUS SIGN}"
HOUR = 3600


def number(value: int | Decimal | Fraction, places: int = 0) -> str:
    """With thousands parted, a fixed number of decimals, and a real minus."""
    exact = value if isinstance(value, Decimal) else _decimal(Fraction(value), places)
    rounded = exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return f"{abs(rounded):,}" if rounded >= 0 else f"{MINUS}{abs(rounded):,}"


def price(value: Decimal) -> str:
    """A list price: at least two decimals, and every one that it has."""
    places = max(2, -int(value.normalize().as_tuple().exponent))
    return number(value, places)


def hourly(listed: Price) -> str:
    """What a slot costs for an hour: as it is listed where it is for an hour, else to a cent."""
    return price(listed.amount) if listed.unit in HOURLY else number(listed.hourly, 2)


def amount(money: Money) -> str:
    """The figure alone, to the last minor unit."""
    return number(money.amount, digits(money.currency))


def symbol(currency: str) -> str:
    return SYMBOLS.get(currency, currency)


def owed(money: Money) -> str:
    """An amount with its currency, in full: it is owed."""
    sign = MINUS if money.minor < 0 else ""
    figure = amount(-money if money.minor < 0 else money)
    mark = SYMBOLS.get(money.currency)
    return f"{sign}{mark}{figure}" if mark else f"{sign}{figure} {money.currency}"


STEPS = {
    "en": ((10**9, "B"), (10**6, "M")),
    "zh": ((10**8, "\u00a0亿"), (10**4, "\u00a0万")),
}


def brief(money: Money, language: str) -> str:
    """For overviews only: three or four figures and a unit; small amounts stay as they are."""
    for step, unit in STEPS[language]:
        if abs(money.amount) >= max(step, 100_000):
            figure = number(money.amount / step, 1 if abs(money.amount) >= step * 100 else 2)
            mark = SYMBOLS.get(money.currency, f"{money.currency} ")
            return f"{mark}{figure}{unit}"
    return owed(money)


def clock(seconds: int) -> str:
    """A length of time as hours, minutes and seconds, which is how it is billed."""
    hours, rest = divmod(seconds, HOUR)
    return f"{hours:,}:{rest // 60:02}:{rest % 60:02}"


def _decimal(exact: Fraction, places: int) -> Decimal:
    scaled = round(exact * 10 ** (places + 6))
    return Decimal(scaled).scaleb(-(places + 6))


@dataclass(frozen=True, slots=True)
class Times:
    """Instants as an organisation reads them: in its time zone, with UTC on hover."""

    name: str

    def offset(self, now: datetime) -> str:
        """`UTC+8`, `UTC-3:30`."""
        minutes = int((now.astimezone(zone(self.name)).utcoffset() or timedelta()).total_seconds())
        minutes //= 60
        hours, rest = divmod(abs(minutes), 60)
        return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "")

    def text(self, instant: datetime, form: str = "%Y-%m-%d %H:%M:%S") -> str:
        return instant.astimezone(zone(self.name)).strftime(form)

    def second(self, instant: datetime | None) -> Markup:
        return self._time(instant, "%Y-%m-%d %H:%M:%S")

    def minute(self, instant: datetime | None) -> Markup:
        return self._time(instant, "%Y-%m-%d %H:%M")

    def day(self, instant: datetime | None) -> Markup:
        return self._time(instant, "%Y-%m-%d")

    def last_day(self, end: datetime) -> Markup:
        """The last day of a half-open interval: its end itself is not shown."""
        return self.day(end - timedelta(seconds=1))

    def _time(self, instant: datetime | None, form: str) -> Markup:
        if instant is None:
            return Markup('<span class="dim">–</span>')
        utc = instant.astimezone(UTC)
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
            utc.strftime("%Y-%m-%d %H:%M:%S UTC"),
            self.text(instant, form),
        )
