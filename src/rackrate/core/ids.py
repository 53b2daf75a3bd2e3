"""Kinds of identifier. They read aloud, and mypy keeps them apart."""

import re
from typing import NewType

EntityId = NewType("EntityId", str)
SiteId = NewType("SiteId", str)
BlockId = NewType("BlockId", str)
PoolId = NewType("PoolId", str)
RackId = NewType("RackId", str)
NodeId = NewType("NodeId", str)
ChipId = NewType("ChipId", str)
SkuId = NewType("SkuId", str)
CustomerId = NewType("CustomerId", str)
ProjectId = NewType("ProjectId", str)
PrincipalId = NewType("PrincipalId", str)
PurchaseId = NewType("PurchaseId", str)
QuoteId = NewType("QuoteId", str)
ContractId = NewType("ContractId", str)
LeaseId = NewType("LeaseId", str)
InvoiceId = NewType("InvoiceId", str)
EntryId = NewType("EntryId", str)
IndexId = NewType("IndexId", str)

NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?")


def is_name(text: str) -> bool:
    """Whether `text` may name a thing: 1 to 63 of a-z, 0-9, dot, dash, underscore."""
    return NAME.fullmatch(text) is not None
