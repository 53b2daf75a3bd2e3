"""Simulated years: no promise is broken that was not reported at the moment it became so."""

from dataclasses import replace
from typing import Any

import pytest

from tests.sim.years import DAY, SECOND
from tests.sim.years_acts import Firm, years

DAYS = 3 * 365


@pytest.mark.real
def test_three_years_of_business_keep_or_report_every_promise() -> None:
    seed = 3
    told = years(seed, DAYS, each=6.0)
    assert told.findings == (), f"seed {seed}"
    # Years in which nothing was late, short or refused would show little.
    done = told.done
    acts = ("slip", "sign", "contract", "claim", "repair", "arrive", "deliver", "accept")
    assert min(done[act] for act in acts) >= 5, told
    assert told.seen["short"] > 0 and told.refused["quote: no_capacity"] > 5, told


def test_the_same_seed_is_the_same_business_to_the_letter() -> None:
    assert years(5, 20) == years(5, 20) != years(6, 20)


def a_firm() -> tuple[Firm, dict[str, Any]]:
    """In business until there is one of everything that may go wrong; and one of each."""
    firm = Firm(9)
    firm.look()
    while None in (found := sought(firm)).values():
        firm.until(firm.now + DAY)
        acts = [firm.order, firm.quote, firm.contract, firm.repair, firm.moment]
        firm.chance.choice(acts)()
        firm.look()
    assert firm.auditor.findings == []
    return firm, found


def sought(firm: Firm) -> dict[str, Any]:
    held = firm.rows("Reservation")
    names = firm.book.offers
    return {
        "breach": next((row for row in firm.rows("Breach") if row.open(firm.now)), None),
        "hold": next((r for r in held if r.holder in names and r.expires > firm.now), None),
        "right": next((r for r in held if r.renews and not r.private), None),
        "promise": next((r for r in held if r.holder in firm.book.agreed and not r.renews), None),
        "node": next((row for row in firm.rows("Node") if str(row.state) == "ordered"), None),
        "batch": next((row for row in firm.rows("Delivery") if not row.delivered), None),
    }


def test_the_auditor_finds_what_it_is_there_to_find() -> None:
    firm, one = a_firm()

    def found(what: str, **changed: Any) -> str:
        row = replace(one[what], **changed)
        with firm.world.store.transaction() as tx:
            before = tx.peek(type(row), row.id)
            tx.put(row)
            firm.auditor.audit(firm.now, passed=True)
            if before is None:
                tx.remove(type(row), row.id)
            else:
                tx.put(before)
        said = "; ".join(firm.auditor.findings)
        firm.auditor.findings.clear()
        return said

    breach, hold, right, promise = (one[name] for name in ("breach", "hold", "right", "promise"))
    assert ", reported " in found("breach", mended=firm.now)
    assert "too many" in found("breach", nodes=breach.nodes + 1)
    assert "says what its promise" in found("breach", holder="nobody")
    assert "is new, and said to be" in found("breach", id="brc_x", at=firm.now - SECOND)
    assert "is lost, or another" in found("hold", expires=hold.expires + SECOND)
    assert "holds" in found("hold", nodes=hold.nodes + 1)
    assert "not promised what was agreed" in found("promise", nodes=promise.nodes + 1)
    assert "another day than agreed" in found("right", expires=right.expires + SECOND)
    assert "is not held what it may renew" in found("right", nodes=right.nodes + 1)
    assert "not Own" in found("node", ready=one["node"].ready + DAY)
    assert "not Batch" in found("batch", due=one["batch"].due + DAY)
    assert found("batch") == ""
