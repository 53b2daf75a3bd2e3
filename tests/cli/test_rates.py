"""Rates between currencies, from the command line."""

from collections.abc import Iterator

import pytest

from tests.app.currency_shop import ABROAD
from tests.build import CUSTOMERS, SMALL
from tests.cli.program import Program
from tests.cli.server import Server, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(SMALL, CUSTOMERS, ABROAD) as one:
        yield one


def test_an_old_rate_is_found_and_a_slip_is_refused(rackrate: Program, server: Server) -> None:
    set_it = ("rate", "set", "USD", "CNY", "--source", "a bank")
    assert "from 2026-09-01 00:00:00 Asia/Shanghai" in rackrate.ok(
        *set_it, "7.1203", "--from", "2026-09-01"
    )
    refused = rackrate(*set_it, "712.03")
    assert refused.code == 1 and "is far from 7.1203" in refused.err
    lease = ("lease", "start", "--project", "harbour-train", "--sku", "h100.1")
    rackrate.ok(*lease)
    old = rackrate("rate", "check")
    assert old.code == 1 and "stale" in old.out and "harbour" in old.out
    assert "USD CNY  7.1203  2026-09-01 00:00:00" in rackrate.ok("rate", "list", "--now")
