"""Spot by a published index, within a floor and a cap: what holds when, and what is refused."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from rackrate.app import catalogue, indices
from rackrate.core.access import Role
from rackrate.core.errors import Forbidden, Invalid, Missing
from rackrate.core.ids import IndexId, SkuId
from rackrate.core.lease import LeaseClass
from rackrate.core.price_index import IndexValue
from rackrate.core.pricing import Price
from tests.app.operator_files import rows
from tests.app.test_price_book import book, faults, refused
from tests.build import CUSTOMERS, NOON, SMALL, Built, build

INDEX = IndexId("example-h100")
PLAIN = SMALL.replace(", spot: 8.50", "")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def index(*values: str, currency: str = "CNY", unit: str = "gpu_hour", more: str = "") -> str:
    listed = "".join(f"- {{from: {day}, value: {value}}}\n" for day, value in map(_pair, values))
    return (
        f"kind: price_index\nname: example-h100\ntitle: Example H100 index (sample)\n"
        f"currency: {currency}\nunit: {unit}\ntax_included: false\ntime_zone: UTC\n"
        f"source: Example Index (sample data)\n{more}" + (f"values:\n{listed}" if listed else "")
    )


def _pair(text: str) -> tuple[str, str]:
    day, _, value = text.partition(" ")
    return day, value


def by_index(effective: str = "2026-11-23", **rule: object) -> str:
    fields = {"index": INDEX, "times": "0.9"} | rule
    said = ", ".join(f"{name}: {value}" for name, value in fields.items())
    return book(effective=effective, rules=f"{{h100.1: {{spot: {{{said}}}}}}}")


def publish(built: Built, value: str, since: datetime | None = None) -> indices.Published:
    return indices.publish(built.world, built.admin, INDEX, Decimal(value), since)


def spot(built: Built, at: datetime) -> Decimal:
    (found,) = catalogue.list_prices(built.world, built.admin, at, SkuId("h100.1"), LeaseClass.SPOT)
    return found.amount


def day(number: int) -> datetime:
    return datetime(2026, 11, number, tzinfo=UTC)


def test_a_price_by_index_changes_when_a_value_is_published_and_stays_between_floor_and_cap() -> (
    None
):
    """Nine tenths of the index, at least 5.00, at most 12.00. The index is 10.00, and is published
    as 20.00 from the 25th, as 3.00 from the 26th and as 11.00 from the 27th at six.
    """
    built = build(PLAIN, CUSTOMERS, index("2026-11-01 10.00"))
    built.apply(by_index(floor="5.00", cap="12.00"))
    assert spot(built, day(23)) == Decimal(9)
    done = publish(built, "20.00", day(25))
    assert [change.row.amount for change in done.changes] == [Decimal("12.00")]
    publish(built, "3.00", day(26))
    publish(built, "11.00", day(27) + 6 * HOUR)
    seen = [spot(built, at) for at in (day(24), day(25), day(26), day(27) + 6 * HOUR)]
    assert seen == [Decimal(9), Decimal(12), Decimal(5), Decimal("9.9")]
    assert spot(built, day(27) + 6 * HOUR - timedelta(seconds=1)) == Decimal(5)
    rule = "0.9 x index example-h100, at least 5.00, at most 12.00"
    assert {str(p.rule) for p in rows(built, Price).values() if p.rule} == {rule}
    assert faults(built) == []


def test_a_value_beyond_the_cap_that_changes_nothing_writes_no_price() -> None:
    built = build(PLAIN, CUSTOMERS, index("2026-11-01 10.00"))
    built.apply(by_index(cap="5.00"))
    assert publish(built, "20.00", day(25)).changes == ()


def test_a_price_begins_on_its_own_day_whatever_is_published_before() -> None:
    built = build(PLAIN, CUSTOMERS, index("2026-11-01 10.00"))
    built.apply(by_index(effective="2026-11-26"))
    publish(built, "12.00", day(25))
    assert spot(built, day(26)) == Decimal("10.8")
    found = catalogue.list_prices(built.world, built.admin, day(25), SkuId("h100.1"))
    assert [price.klass for price in found] == [LeaseClass.ON_DEMAND]


def test_a_customer_s_share_and_on_demand_follow_an_index_too_and_others_follow_these() -> None:
    built = build(PLAIN, CUSTOMERS, index("2026-11-01 10.00"))
    rules = (
        "{h100.1: {on_demand: {index: example-h100, times: 2}, spot: {of: on_demand, times: 0.5}}}"
    )
    built.apply(book(effective="2026-11-23", rules=rules))
    done = publish(built, "16.00", day(25))
    assert {(c.row.klass, c.row.amount) for c in done.changes} == {
        (LeaseClass.ON_DEMAND, Decimal(32)),
        (LeaseClass.SPOT, Decimal(16)),
    }


def test_what_was_published_is_never_edited_and_the_same_again_changes_nothing() -> None:
    built = build(PLAIN, CUSTOMERS, index("2026-11-01 10.00"), by_index())
    before = rows(built, IndexValue), rows(built, Price)
    assert publish(built, "10.00", day(1)).changes == ()
    with pytest.raises(Invalid, match="never edited"):
        publish(built, "11.00", day(1))
    with pytest.raises(Invalid, match="from now on at the earliest, 2026-11-22 12:00 UTC"):
        publish(built, "11.00", day(20))
    assert "never edited" in refused(built, index("2026-11-01 10.50"))
    assert (rows(built, IndexValue), rows(built, Price)) == before
    assert publish(built, "11.00").value.effective == NOON + timedelta(seconds=1)


def test_a_file_publishes_as_the_command_does_and_shows_what_follows() -> None:
    built = build(PLAIN, CUSTOMERS, index("2026-11-01 10.00"), by_index())
    text = index("2026-11-01 10.00", "2026-11-25 20.00")
    shown = built.apply(text, dry_run=True).changes
    assert [(one.kind, one.action) for one in shown] == [
        ("index_value", "create"),
        ("price", "create"),
    ]
    built.apply(text)
    assert spot(built, day(25)) == Decimal(18)
    assert not built.apply(text, by_index()).changes


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([index("2026-11-01 -1.00")], "-1.00 is not from 0"),
        ([index("2026-11-01 1.00", currency="XYZ")], "`currency` is wrong"),
        ([index("2026-11-01 1.00", unit="gb_month")], "an index is not of gb_month"),
        ([index("2026-11-01 1.00", more="stale_days: 0\n")], "0 is not from 1"),
        (
            [index("2026-11-01 10.00"), by_index(floor="9", cap="5")],
            "a cap of 5 is below the floor",
        ),
        ([index("2026-12-01 10.00"), by_index()], "has no price in CNY at 2026-11-23"),
        (
            [index("2026-11-01 10.00", currency="USD"), by_index()],
            "is in USD, and this price in CNY",
        ),
        ([index("2026-11-01 9", unit="node_month"), by_index()], "is not whole nodes"),
        ([by_index()], "no price_index is called 'example-h100'"),
        ([index("2026-11-01 10.00"), by_index(of="on_demand")], "unknown field"),
        ([index("2026-11-01 999999999999"), by_index(times="1000")], "what follows of it is wrong"),
    ],
)
def test_an_index_that_cannot_be_is_refused_and_nothing_is_changed(
    texts: list[str], said: str
) -> None:
    built = build(PLAIN, CUSTOMERS)
    before = rows(built, Price)
    assert said in refused(built, *texts)
    assert (rows(built, Price), rows(built, IndexValue)) == (before, {})


def test_who_may_not_write_prices_publishes_nothing_and_everybody_sees_the_index() -> None:
    built = build(PLAIN, CUSTOMERS, index("2026-11-01 10.00"), by_index())
    owner = built.actor("o@robotics.example", Role.OWNER, "robotics")
    with pytest.raises((Forbidden, Missing)):
        indices.publish(built.world, owner, INDEX, Decimal(1))
    assert [each.latest.value for each in indices.list_indices(built.world, owner) if each.latest]
    assert len(indices.show(built.world, owner, INDEX).follows) == 1
    with pytest.raises(Missing):
        indices.publish(built.world, built.admin, IndexId("nobody"), Decimal(1))


def test_a_price_check_finds_an_index_that_is_old_and_spot_that_ends_or_is_dear() -> None:
    built = build(PLAIN, CUSTOMERS, index("2026-11-01 10.00", more="stale_days: 7\n"))
    built.apply(by_index(effective="2026-11-23"))
    publish(built, "30.00", day(25))
    built.clock.advance(14 * DAY)
    dear = "h100.1 costs more as spot than on demand in CNY from 2026-11-25 00:00 UTC"
    old = "index example-h100 is of 2026-11-25, more than 7 days ago: publish what it is now"
    assert faults(built) == [old, dear]
    until = book(effective="2026-12-10", until="2026-12-11", per_slot_hour="{h100.node: {spot: 1}}")
    built.apply(until)
    assert "h100.node has no spot price in CNY from 2026-12-11 00:00 UTC on" in faults(built)
    publish(built, "10.00")
    built.clock.advance(timedelta(seconds=1))
    assert faults(built) == ["h100.node has no spot price in CNY from 2026-12-11 00:00 UTC on"]


def test_what_is_scheduled_is_listed_apart() -> None:
    built = build(PLAIN, CUSTOMERS, index("2026-11-01 10.00"), by_index())
    publish(built, "20.00", day(25))
    found = catalogue.list_prices(built.world, built.admin, scheduled=True)
    assert [(p.klass, p.effective) for p in found] == [
        (LeaseClass.SPOT, day(23)),
        (LeaseClass.SPOT, day(25)),
    ]
