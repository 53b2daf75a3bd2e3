"""Chips and SKUs as files declare them."""

from collections.abc import Mapping
from decimal import Decimal

from rackrate.app.manifest.documents.customers import tax_code
from rackrate.app.manifest.documents.parts import Reader, limits, rows
from rackrate.app.manifest.fields import Fields
from rackrate.core.chips import Chip, Confidence
from rackrate.core.ids import ChipId, SiteId, SkuId
from rackrate.core.inventory import Site, Sku
from rackrate.core.treatment import Supply


def _chip(f: Fields) -> list[Chip]:
    id, vendor, model = f.name("name"), f.text("vendor"), f.text("model")
    most = Decimal(1_000_000)
    memory = f.optional_decimal("memory_gb", Decimal(0), most)
    dense = f.optional_decimal("bf16_dense_tflops", Decimal(0), most)
    sparse = f.optional_decimal("bf16_sparse_tflops", Decimal(0), most)
    power = f.whole("power_w", 0, 100_000) if f.has("power_w") else None
    source, confidence = f.text("source"), f.choice("confidence", Confidence)
    accelerator, barred = f.boolean("accelerator", True), f.countries("barred_countries")
    origin = f.country("origin") if f.has("origin") else ""
    sectors, uses = f.words("barred_sectors"), f.words("barred_end_uses")
    return rows(
        f,
        lambda: Chip(
            ChipId(id),
            vendor,
            model,
            memory,
            dense,
            sparse,
            power,
            source,
            confidence,
            accelerator,
            tuple(sorted(set(barred))),
            origin,
            tuple(sorted(set(sectors))),
            tuple(sorted(set(uses))),
        ),
    )


def _sku(f: Fields) -> list[Sku]:
    id, name = f.name("name"), f.text("title")
    site, chip = f.reference("site", Site), f.reference("chip", Chip)
    slots, whole = f.whole("slots", 1, 1_024_000), f.boolean("whole_node", False)
    unit, supply = limits(f), f.choice("supply", Supply, Supply.SERVICE)
    code = tax_code(f, "tax_code")
    return rows(
        f,
        lambda: Sku(SkuId(id), SiteId(site), ChipId(chip), name, slots, whole, unit, supply, code),
    )


READERS: Mapping[str, Reader] = {
    "chip": Reader(Chip, _chip),
    "sku": Reader(Sku, _sku),
}
