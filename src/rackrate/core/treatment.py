"""What kind of supply something is, and which tax rule that comes to for whom and when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from rackrate.core.interval import Month
from rackrate.core.tax import RULES, TaxRule, tax_rule


class Supply(StrEnum):
    """What something that is sold is, to the tax law: computing, or the use of a thing."""

    SERVICE = "service"
    LEASE = "lease"


# Treatments that say more than one rule for everything; a rule's own name is that.
TREATMENTS: Mapping[str, Mapping[Supply, str]] = {
    "cn-general": {Supply.SERVICE: "cn-service-6", Supply.LEASE: "cn-lease-13"},
    "cn-general-by-line": {
        Supply.SERVICE: "cn-service-6-by-line",
        Supply.LEASE: "cn-lease-13-by-line",
    },
}


@dataclass(frozen=True, slots=True)
class Treatment:
    """How all that somebody sells or buys is taxed: a rule for each supply."""

    id: str
    rules: tuple[tuple[Supply, TaxRule], ...]

    def rule(self, supply: Supply) -> TaxRule:
        return next(rule for each, rule in self.rules if each is supply)

    @property
    def names_both(self) -> bool:
        """Whether something of it needs the VAT ids of both sides."""
        return any(rule.names_both for _, rule in self.rules)


def treatment(id: str) -> Treatment:
    """By its name in the table, a rule's name, or `service=RULE,lease=RULE`.

    ValueError names those that exist.
    """
    named = TREATMENTS.get(id)
    if named is None and "=" in id:
        named = _written(id)
    if named is None and id in RULES:
        named = dict.fromkeys(Supply, id)
    if named is None:
        known = ", ".join((*TREATMENTS, *RULES))
        raise ValueError(
            f"unknown tax rule {id!r}; known: {known}; or both: service=RULE,lease=RULE"
        )
    return Treatment(id, tuple((supply, tax_rule(named[supply])) for supply in Supply))


def _written(text: str) -> Mapping[Supply, str] | None:
    """Of `service=RULE,lease=RULE`; None where it is not both of them, once."""
    pairs = [part.strip().partition("=") for part in text.split(",")]
    found = {kind.strip(): rule.strip() for kind, _, rule in pairs}
    if len(pairs) != len(Supply) or found.keys() != {each.value for each in Supply}:
        return None
    return {supply: found[supply.value] for supply in Supply}


@dataclass(frozen=True, slots=True)
class TaxChange:
    """From supplies of this month on it is another treatment; empty: the seller's own."""

    month: Month
    treatment: str

    def __post_init__(self) -> None:
        if self.treatment:
            treatment(self.treatment)

    def __str__(self) -> str:
        return f"{self.treatment or 'as the seller'} from {self.month}"


def check_changes(changes: Iterable[TaxChange]) -> None:
    """ValueError unless each comes after the one before it."""
    months = [each.month for each in changes]
    if months != sorted(set(months)):
        raise ValueError(f"tax changes are not one after the other: {', '.join(map(str, months))}")


SINCE_EVER = Month(1970, 1)


@dataclass(frozen=True, slots=True)
class Dated:
    """A treatment, and those that come after it. Empty: none of its own."""

    first: str
    changes: tuple[TaxChange, ...] = ()

    def at(self, month: Month) -> str:
        """The name of the treatment of what is supplied in `month`."""
        found = self.first
        for change in self.changes:
            if change.month <= month:
                found = change.treatment
        return found


@dataclass(frozen=True, slots=True)
class TaxTable:
    """Which rule a customer's purchases are under: its own, else its seller's."""

    buyer: Dated
    seller: Dated

    def rule(self, supply: Supply, month: Month) -> TaxRule:
        """That of what is supplied in `month`."""
        return self.at(month).rule(supply)

    def at(self, month: Month) -> Treatment:
        return treatment(self.buyer.at(month) or self.seller.at(month))

    @property
    def every(self) -> tuple[Treatment, ...]:
        """All that hold at some time, the first of them first."""
        changes = (*self.buyer.changes, *self.seller.changes)
        months = sorted({SINCE_EVER, *(change.month for change in changes)})
        return tuple(dict.fromkeys(self.at(month) for month in months))


def always(rule: TaxRule) -> TaxTable:
    """One rule for everything, whenever it is."""
    return TaxTable(Dated(""), Dated(rule.id))
