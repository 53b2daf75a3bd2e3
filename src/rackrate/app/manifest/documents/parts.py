"""What several kinds of document have: numbered names, limits of a machine, and being one row."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rackrate.app.manifest.fields import Fields, shown
from rackrate.core.ids import is_name
from rackrate.core.workload import Limits

MOST_NODES_AT_ONCE = 20_000
_PLACE = re.compile(r"\{(?::0([1-9]))?\}")


@dataclass(frozen=True, slots=True)
class Reader:
    """How documents of one kind are read, and what their names name."""

    kind: type
    read: Callable[[Fields], list[Any]]


def numbered(pattern: str, number: int) -> str:
    """`h100-{:03}` with 7 is `h100-007`; without a place for the number, the pattern itself."""

    def write(match: re.Match[str]) -> str:
        return str(number).zfill(int(match[1] or 1))

    return _PLACE.sub(write, pattern)


def rows(f: Fields, make: Callable[[], Any]) -> list[Any]:
    row = f.build(make)
    return [] if row is None else [row]


def limits(f: Fields) -> Limits:
    """CPU cores (a quarter of one is 0.25), memory and disk."""
    cpus = f.decimal("cpus", Decimal("0.001"), Decimal(100_000))
    if cpus * 1000 % 1:
        f.wrong("cpus", f"{cpus} is finer than a thousandth of a core")
    memory = f.decimal("memory_gib", Decimal("0.001"), Decimal(10_000_000))
    disk = f.decimal("disk_gib", Decimal(0), Decimal(10_000_000))
    return Limits(int(cpus * 1000), int(memory * 1024), int(disk * 1024))


def names(f: Fields) -> list[str]:
    """One name, or with `count` as many as it says, numbered from `first`."""
    pattern = f.text("name", longest=80)
    count = f.whole("count", 1, MOST_NODES_AT_ONCE, 1)
    first = f.whole("first", 0, 10_000_000, 1)
    if not f.has("count"):
        count = 1
        if f.has("first") or numbered(pattern, first) != pattern:
            f.wrong("name", "has a place for a number, and needs a `count` beside it")
    elif pattern and numbered(pattern, first) == pattern:
        f.wrong("name", f"needs a place for the number, as {pattern[:40]}-{{:03}}, with `count`")
        return []
    names = [numbered(pattern, number) for number in range(first, first + count)]
    wrong = next((name for name in names if name and not is_name(name)), None)
    if wrong is not None:
        f.wrong(
            "name",
            f"{shown(wrong)} is not a name: 1 to 63 of a-z, 0-9, dot, dash and underscore; "
            "a number is written {} or {:03}",
        )
        return []
    return names
