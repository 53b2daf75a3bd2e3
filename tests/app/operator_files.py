"""What the tests of operator files share: a contract, and looking at every row."""

from typing import Any

import pytest

from rackrate.app.rows import KINDS
from rackrate.core.errors import Invalid
from rackrate.core.parties import Audit
from tests.build import Built

CONTRACT = """
kind: contract
name: robotics-2026
title: Two H100 nodes
project: robotics-train
sku: h100.node
nodes: 2
start: 2026-01-01
end: 2029-01-01
time_zone: Asia/Shanghai
currency: CNY
monthly: 140000.00
prepayment_percent: 20
tax_included: false
"""


def rows(built: Built, kind: type) -> dict[str, Any]:
    with built.world.store.transaction() as tx:
        found: list[Any] = tx.find(kind)
    return {row.id: row for row in found}


def everything(built: Built) -> dict[type, dict[str, Any]]:
    """All rows but the audit log, which grows with each refusal."""
    return {kind: rows(built, kind) for kind in KINDS if kind is not Audit}


def refusal(built: Built, *texts: str) -> str:
    """What is said of these texts; and nothing of them may have been applied."""
    before = everything(built)
    with pytest.raises(Invalid) as caught:
        built.apply(*texts)
    assert everything(built) == before
    return caught.value.detail
