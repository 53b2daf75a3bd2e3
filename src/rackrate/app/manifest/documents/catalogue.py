"""Chips, SKUs and prices as files declare them."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from rackrate.app.manifest.documents.parts import Reader, limits, rows
from rackrate.app.manifest.fields import Fields, Reference
from rackrate.core.chips import Chip, Confidence
from rackrate.core.contract_price import ContractPrice, Tier, contract_price_id
from rackrate.core.ids import ChipId, SiteId, SkuId
from rackrate.core.inventory import Site, Sku
from rackrate.core.lease import LeaseClass
from rackrate.core.money import Money
from rackrate.core.pricing import HIGHEST_PER_HOUR, Price, price_id

NOTICE = {LeaseClass.ON_DEMAND: timedelta(days=7), LeaseClass.SPOT: timedelta(minutes=5)}
MOST_TIERS = 400
PRICED = (LeaseClass.ON_DEMAND, LeaseClass.SPOT)


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
    unit = limits(f)
    return rows(f, lambda: Sku(SkuId(id), SiteId(site), ChipId(chip), name, slots, whole, unit))


def _price_book(f: Fields) -> list[Price]:
    currency, included = f.currency("currency"), f.boolean("tax_included")
    effective = f.instant("effective", f.time_zone("time_zone", ""))
    notices = f.inner("notice")
    notice = {klass: notices.duration(klass, NOTICE[klass]) if notices else NOTICE[klass]
              for klass in PRICED}  # fmt: skip
    if notices:
        notices.refuse_unknown()
    rates: list[tuple[str, LeaseClass, Decimal]] = []
    for sku, entry in f.mapping("per_slot_hour").items():
        f.references.append(Reference(Sku, sku, "per_slot_hour", f.file, entry.line))
        for word in entry.only([klass.value for klass in PRICED]):
            rate = entry.decimal(word, Decimal(0), HIGHEST_PER_HOUR - 1)
            rates.append((sku, LeaseClass(word), rate))
    return (
        f.build(
            lambda: [
                Price(
                    price_id(sku, klass, currency, effective),
                    SkuId(sku),
                    klass,
                    currency,
                    rate,
                    included,
                    effective,
                    notice[klass],
                )
                for sku, klass, rate in rates
            ]
        )
        or []
    )


def _contract_price(f: Fields) -> list[ContractPrice]:
    sku, currency = f.reference("sku", Sku), f.currency("currency")
    included, basis = f.boolean("tax_included"), f.text("basis")
    floor = f.decimal("floor_percent", Decimal(0), Decimal(100))
    effective = f.instant("effective", f.time_zone("time_zone", ""))
    tiers: list[tuple[int, int, Decimal]] = []
    for cell in f.each("tiers", MOST_TIERS):
        months, nodes = cell.whole("months", 1, 360), cell.whole("nodes", 1, 1_000_000)
        tiers.append((months, nodes, cell.decimal("amount", Decimal(0), Decimal(10) ** 12)))
        cell.refuse_unknown()
    return rows(
        f,
        lambda: ContractPrice(
            contract_price_id(sku, currency, effective),
            SkuId(sku),
            currency,
            effective,
            included,
            basis,
            floor,
            tuple(
                Tier(months, nodes, Money.parse(str(amount), currency))
                for months, nodes, amount in sorted(tiers)
            ),
        ),
    )


READERS: Mapping[str, Reader] = {
    "chip": Reader(Chip, _chip),
    "sku": Reader(Sku, _sku),
    "price_book": Reader(Price, _price_book),
    "contract_price": Reader(ContractPrice, _contract_price),
}
