"""Two months of addresses, egress and a lease that changes its shape, in prose.

UPDATE_GOLDEN=1 writes the file anew; the difference is what is to be read.
"""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from rackrate.app import addresses, billing, explaining, leasing, readings, resizing
from rackrate.app.addresses import NewAddress
from rackrate.app.leasing import Ask
from rackrate.app.readings import Told
from rackrate.app.resizing import NewShape
from rackrate.core.errors import RackrateError
from rackrate.core.ids import LeaseId, ProjectId, SiteId, SkuId
from rackrate.core.interval import Interval, Month
from rackrate.core.invoice import Line
from rackrate.core.lease import Lease
from rackrate.core.reading import Item
from tests.app.money_shop import FIRST, NOVEMBER, ROBOTICS, Shop, open_shop

GOLDEN = Path(__file__).with_name("metered.txt")
TRAIN, EAST, GPU = ProjectId("robotics-train"), SiteId("east"), SkuId("h100.1")
LEASE, FRONT = LeaseId("lse_000001"), "adr_000001"
GB, DECEMBER = 10**9, Month(2026, 12)
PUBLIC = """
kind: address_pool
name: east-public
site: east
ranges: [192.0.2.0/30]
kept_back: [192.0.2.0, 192.0.2.3]
quarantine: 2 days
---
kind: price_book
currency: CNY
tax_included: false
effective: 2026-01-01
time_zone: Asia/Shanghai
per_address_month: 30.00
per_egress_gb: 0.50
"""


def start(shop: Shop) -> Lease:
    lease = leasing.start(shop.built.world, shop.built.admin, Ask(TRAIN, GPU, 2))
    shop._settle()
    return lease


def again(shop: Shop) -> None:
    leasing.resume(shop.built.world, shop.built.admin, LEASE)
    shop._settle()


def stop(shop: Shop) -> None:
    leasing.stop(shop.built.world, shop.built.admin, LEASE)
    shop._settle()


def end(shop: Shop) -> None:
    leasing.end(shop.built.world, shop.built.admin, LEASE)
    shop._settle()


def resize(shop: Shop, count: int) -> Lease:
    return resizing.resize(shop.built.world, shop.built.admin, LEASE, NewShape(count))


def reserve(shop: Shop, name: str) -> str:
    new = NewAddress(TRAIN, EAST, name)
    return addresses.reserve(shop.built.world, shop.built.admin, new).address


def release(shop: Shop) -> object:
    return addresses.release(shop.built.world, shop.built.admin, FRONT)


def attach(shop: Shop) -> object:
    return addresses.attach(shop.built.world, shop.built.admin, FRONT, LEASE)


def read(shop: Shop, key: str, size: int, day: int, days: int = 1) -> str:
    during = Interval(FIRST + timedelta(days=day), FIRST + timedelta(days=day + days))
    told = Told(key, Item.EGRESS, size, during, TRAIN, None, EAST)
    done = readings.record(shop.built.world, shop.built.admin, "edge-1", [told])
    return "it is new" if done.added else "it was known"


def minutes(shop: Shop, count: float) -> None:
    shop.built.clock.advance(timedelta(minutes=count))


def close(shop: Shop, month: Month) -> list[str]:
    said: list[str] = []
    for invoice in shop.close(month):
        said.append(f"invoice of {month}: {invoice.net} before tax")
        for row in billing.show(shop.built.world, shop.mei, invoice.id)[1]:
            said.append(f"  {row.line.net}  {row.line.description}")
            why = explaining.explain(shop.built.world, shop.mei, invoice.id, row.place).measured
            assert why is not None and why.matches
            for part in why.parts:
                size = f" x {part.size}" if not part.of else ""
                said.append(f"    {part.of or LEASE}: {part.quantity:,}{size and f' ={size}'}")
    return said


STORY: tuple[tuple[str, Callable[[Shop], object]], ...] = (
    ("At midnight of the 1st two GPUs are started, at 17.00 an hour each.", start),
    ("A public address is reserved, at 30.00 a month.", lambda s: reserve(s, "front")),
    ("It belongs to the lease; no router is set up by it.", attach),
    ("After 20 minutes a bigger shape is wanted at once.", lambda s: minutes(s, 20)),
    ("A lease that runs keeps its shape.", lambda s: resize(s, 3)),
    ("So it is stopped,", stop),
    ("is given three GPUs,", lambda s: resize(s, 3)),
    ("and is started again in the same minute.", again),
    ("At one o'clock it is stopped, and stays so for ten days.", lambda s: minutes(s, 40)),
    ("", stop),
    ("", lambda s: minutes(s, 10 * 24 * 60 - 60)),
    ("The meter tells of 1,000 GB that left on the 1st.", lambda s: read(s, "day-1", 1000 * GB, 0)),
    ("It tells so again.", lambda s: read(s, "day-1", 1000 * GB, 0)),
    ("It tells of the same day otherwise.", lambda s: read(s, "day-1", 2000 * GB, 0)),
    ("It tells of tomorrow.", lambda s: read(s, "day-11", GB, 11)),
    ("On the 11th the lease is ended.", end),
    ("The project takes a second address,", lambda s: reserve(s, "back")),
    ("and there is no third.", lambda s: reserve(s, "more")),
    ("On the 16th it gives the first one back,", lambda s: minutes(s, 5 * 24 * 60)),
    ("", release),
    ("which is given to nobody for two days.", lambda s: reserve(s, "more")),
    ("November is closed.", lambda s: close(s, NOVEMBER)),
    (
        "On the 3rd of December the meter tells of two days it forgot, over the turn of the month.",
        lambda s: minutes(s, 2 * 24 * 60),
    ),
    ("", lambda s: read(s, "day-30", 400 * GB, 29, 2)),
    ("December is closed; half of it is of November, and says so.", lambda s: close(s, DECEMBER)),
)


def tell(shop: Shop) -> str:
    lines: list[str] = []
    for sentence, act in STORY:
        lines += [sentence] if sentence else []
        try:
            done = act(shop)
        except RackrateError as refused:
            lines.append(f"    refused: {refused.detail}")
            continue
        said = done if isinstance(done, list) else [done] if isinstance(done, str) else []
        lines += [f"    {each}" for each in said]
        if not said and sentence:
            preview = billing.preview(shop.built.world, shop.mei, ROBOTICS, NOVEMBER)
            lines += [f"    so far: {owed(line)}" for line in preview.lines if line.net]
    return "\n".join(lines) + "\n"


def owed(line: Line) -> str:
    return f"{line.net}  {line.description}"


def test_two_months_of_what_is_metered_at_the_edges() -> None:
    told = tell(open_shop(FIRST, None, PUBLIC))
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(told)
    assert told == GOLDEN.read_text()
