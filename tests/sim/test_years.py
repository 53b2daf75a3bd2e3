"""Simulated years: no promise is broken that was not reported at the moment it became so."""

from dataclasses import replace

import pytest

from rackrate.core.breach import Breach
from tests.sim import years_ground as ground
from tests.sim.years import DAY, SECOND
from tests.sim.years_acts import Firm, years

DAYS = 3 * 365


@pytest.mark.real
def test_three_years_of_business_keep_or_report_every_promise() -> None:
    seed = 9
    told = years(seed, DAYS, each=6.0)
    assert told.findings == (), f"seed {seed}"
    # Years in which nothing was late, short or refused would show little.
    done = told.done
    assert min(done[act] for act in ("slip", "sign", "claim", "repair", "arrive")) > 5, told
    assert told.seen["short"] > 0 and told.refused["quote: no_capacity"] > 5, told


def test_the_same_seed_is_the_same_business_to_the_letter() -> None:
    assert years(5, 20) == years(5, 20) != years(6, 20)


def a_firm(days: int) -> Firm:
    """In business for some days, with a breach that is open."""
    firm = Firm(9)
    firm.look()
    while not open_breaches(firm) or firm.now < ground.START + days * DAY:
        firm.until(firm.now + DAY)
        firm.chance.choice([firm.order, firm.quote, firm.contract, firm.repair, firm.moment])()
        firm.look()
    assert firm.auditor.findings == []
    return firm


def open_breaches(firm: Firm) -> list[Breach]:
    return [row for row in firm.rows("Breach") if row.open(firm.now)]


def test_the_auditor_finds_what_it_is_there_to_find() -> None:
    firm = a_firm(30)

    def found(*rows: object) -> str:
        with firm.world.store.transaction() as tx:
            before = [tx.get(type(row), row.id) for row in rows]  # type: ignore[attr-defined]
            tx.put(*rows)
            firm.auditor.audit(firm.now, passed=True)
            tx.put(*before)
        said = "; ".join(firm.auditor.findings)
        firm.auditor.findings.clear()
        return said

    breach = open_breaches(firm)[0]
    assert "reported 0" in found(replace(breach, mended=firm.now))
    assert "too many" in found(replace(breach, nodes=breach.nodes + 1))
    assert "says what its promise" in found(replace(breach, holder="nobody"))
    held = next(row for row in firm.rows("Reservation") if str(row.kind) == "hold")
    assert "is lost, or another" in found(replace(held, expires=held.expires + SECOND))
    assert "not" in found(replace(held, nodes=held.nodes + 1))
    promised = next(row for row in firm.rows("Reservation") if str(row.kind) == "contract")
    assert "not promised what was agreed" in found(replace(promised, nodes=promised.nodes + 1))
    assert found() == ""
