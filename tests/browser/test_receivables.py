"""What waits for a second person in the portal: its author may only take it back."""

from rackrate.app import drafts, identity
from rackrate.app.drafts import NewCredit
from rackrate.core.access import Role
from rackrate.core.ids import InvoiceId, PrincipalId
from rackrate.core.money import Money
from tests.browser.conftest import Site
from tests.browser.test_guard import Client


def test_a_credit_is_approved_by_somebody_else_and_then_stands_on_the_invoice(site: Site) -> None:
    world, admin = site.cloud.world, site.cloud.admin
    identity.grant(world, admin, "li@example.org", Role.FINANCE, None, None)
    with world.store.transaction() as tx:
        li = identity.actor_of(tx, PrincipalId("li@example.org"))
    token = identity.create_token(world, li, "browser", None).secret
    new = NewCredit(InvoiceId("EX-2026-000005"), "a slow node", {1: Money(1000, "CNY")})
    draft = drafts.write_credit(world, admin, new)
    author, other = Client(site.url), Client(site.url)
    author.sign_in(site.cloud.tokens["admin"])
    other.sign_in(token)
    assert f"/drafts/{draft.id}/withdraw" in author.get("/receivables").body
    refused = author.post(f"/drafts/{draft.id}/approve", **author.form("/receivables"))
    assert refused.status == 403 and "somebody else has to approve it" in refused.body
    done = other.post(f"/drafts/{draft.id}/approve", **other.form("/receivables"))
    assert done.status == 303 and "done=draft-approved" in done.headers["Location"]
    credit = other.get("/invoices/EX-CR-2026-000001").body
    assert "Credit, used" in credit and "Credit note for EX-2026-000005." in credit
    assert "Taken from" in credit and "a slow node" in credit
    assert "credited" in author.get("/invoices/EX-2026-000005").body
    owner = Client(site.url)
    owner.sign_in(site.cloud.tokens["owner@studio.example"])
    assert owner.post(f"/drafts/{draft.id}/approve", **owner.form("/projects")).status in (403, 404)
