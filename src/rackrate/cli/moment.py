"""Times for people: in the zone of the site or the seller, with the zone named."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from rackrate.cli.client import Client
from rackrate.cli.failure import Usage


class Zones:
    """The time zone of each site and entity, asked once, and only when a time is shown."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._zones: dict[str, dict[str, str]] = {}

    def site(self, id: object) -> str:
        return self._of("sites").get(str(id), "UTC")

    def entity(self, id: object = None) -> str:
        known = self._of("entities")
        if id is None and len(known) == 1:
            return next(iter(known.values()))
        return known.get(str(id), "UTC")

    def _of(self, kind: str) -> Mapping[str, str]:
        if kind not in self._zones:
            rows = self._client.every(f"/v1/{kind}")
            self._zones[kind] = {str(row["id"]): str(row["time_zone"]) for row in rows}
        return self._zones[kind]


def local(text: str | None, zone: str) -> str:
    """The instant to the second on the clock of `zone`, named; empty when there is none."""
    if not text:
        return ""
    return f"{datetime.fromisoformat(text).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S} {zone}"


def day(text: str | None, zone: str) -> str:
    """The date on the calendar of `zone`."""
    return local(text, zone)[:10]


def lasted(seconds: float) -> str:
    """`75` as `1 min 15 s`, `93784` as `1 d 2 h`: the two largest units."""
    whole = timedelta(seconds=int(seconds))
    hours, rest = divmod(whole.seconds, 3600)
    parts = [(whole.days, "d"), (hours, "h"), (rest // 60, "min"), (rest % 60, "s")]
    first = next((place for place, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count) or "0 s"


def between(start: str, end: str) -> float:
    """Seconds from one instant to another."""
    first, last = (datetime.fromisoformat(text).astimezone(UTC) for text in (start, end))
    return (last - first).total_seconds()


def instant(option: str, text: str, zone: str) -> str:
    """Midnight of a day on the site's clock, or the instant that was given whole."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Usage(f"{option} {text!r} is not a day as 2027-01-01") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return moment.isoformat()
