"""What keeps the portal safe, asked of it over HTTP: sessions, forms, headers, tenants, sizes."""

import re
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from email.message import Message
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import pytest

from rackrate.app import identity
from rackrate.core.access import READS, ROLES, Role, Scope
from rackrate.core.ids import CustomerId, ProjectId
from tests.browser.conftest import Site
from tests.browser.test_pages import CUSTOMER, OPERATOR

LARGEST = 60_000


@dataclass
class Answer:
    status: int
    headers: Message
    body: str


class Stay(urllib.request.HTTPRedirectHandler):
    """Redirects are answers here."""

    def redirect_request(self, *_: object) -> None:
        return None


@dataclass
class Client:
    """A browser without a screen: it keeps cookies, and nothing else."""

    url: str
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Answer:
        return self._ask(urllib.request.Request(self.url + path, headers=headers))

    def post(self, path: str, **fields: str) -> Answer:
        body = urlencode(fields).encode()
        return self._ask(urllib.request.Request(self.url + path, body, method="POST"))

    def form(self, path: str) -> dict[str, str]:
        """The hidden fields of the first form on a page that has its own."""
        body = self.get(path).body
        return dict(re.findall(r'name="(csrf|form_key)" value="([^"]+)"', body))

    def _ask(self, request: urllib.request.Request) -> Answer:
        request.add_header("Cookie", "; ".join(f"{k}={v}" for k, v in self.cookies.items()))
        try:
            answer = urllib.request.build_opener(Stay).open(request, timeout=20)
        except urllib.error.HTTPError as refused:
            answer = refused
        for text in answer.headers.get_all("Set-Cookie") or ():
            for name, morsel in SimpleCookie(text).items():
                self.cookies[name] = morsel.value
        return Answer(answer.status, answer.headers, answer.read().decode("utf-8", "replace"))

    def sign_in(self, token: str) -> Answer:
        return self.post("/sign-in", token=token, csrf=self.form("/sign-in")["csrf"])


@pytest.fixture
def client(site: Site) -> Client:
    return Client(site.url)


@pytest.fixture
def operator(site: Site, client: Client) -> Client:
    assert client.sign_in(site.cloud.tokens["admin"]).status == 303
    return client


@pytest.fixture
def owner(site: Site) -> Client:
    other = Client(site.url)
    assert other.sign_in(site.cloud.tokens["owner@studio.example"]).status == 303
    return other


def test_nobody_sees_anything_before_signing_in(client: Client) -> None:
    for path in (*OPERATOR, "/fleet/sim-north.json"):
        answer = client.get(path.format(**{"sweep": "x", "just asked for": "x", "foundation": "x"}))
        assert answer.status == 303 and answer.headers["Location"].startswith("/sign-in"), path


def test_a_wrong_token_is_refused(client: Client) -> None:
    answer = client.sign_in("rr_nothing")
    assert answer.status == 401 and "This token is not valid" in answer.body
    assert "rackrate_session" not in client.cookies


def test_signing_in_needs_the_form_of_the_same_browser(site: Site, client: Client) -> None:
    assert client.post("/sign-in", token=site.cloud.tokens["admin"], csrf="").status == 403
    other = Client(site.url).form("/sign-in")["csrf"]
    client.form("/sign-in")
    assert client.post("/sign-in", token=site.cloud.tokens["admin"], csrf=other).status == 403


def test_the_session_cookie_is_for_this_site_and_no_script(site: Site, client: Client) -> None:
    answer = client.sign_in(site.cloud.tokens["admin"])
    cookie = next(c for c in answer.headers.get_all("Set-Cookie") or () if "session" in c)
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie
    assert site.cloud.tokens["admin"] not in cookie


def test_revoking_the_token_ends_the_session_at_once(site: Site, client: Client) -> None:
    cloud = site.cloud
    made = identity.create_token(cloud.world, cloud.admin, "short", None)
    client.sign_in(made.secret)
    assert client.get("/leases").status == 200
    identity.revoke_token(cloud.world, cloud.admin, made.token.id)
    assert client.get("/leases").status == 303


def test_signing_out_ends_the_session_for_good(operator: Client) -> None:
    kept = dict(operator.cookies)
    fields = operator.form("/tokens")
    assert operator.post("/sign-out", csrf=fields["csrf"]).status == 303
    operator.cookies = kept
    assert operator.get("/leases").status == 303


def test_a_form_of_another_session_is_refused(operator: Client, owner: Client) -> None:
    fields = owner.form("/start")
    answer = operator.post("/start", offer="h20.1", count="1", nodes="1", **fields)
    assert answer.status == 403
    assert operator.post("/tokens", name="x").status == 403


def test_a_customer_sees_nothing_of_another(site: Site, owner: Client) -> None:
    leases = site.cloud.leases
    for path in (
        f"/leases/{leases['sweep']}",
        f"/leases/{leases['sweep']}/logs",
        "/contracts/robotics-2026",
        "/invoices/EX-2026-000004",
        "/customers/example-robotics",
        "/projects/robotics-training",
        "/leases?customer=example-robotics",
        "/invoices/preview?customer=example-robotics",
    ):
        assert owner.get(path).status == 404, path
    body = owner.get("/leases?state=all").body
    assert leases["sweep"] not in body and leases["frames"] in body
    assert owner.get(f"/jump?q={leases['sweep']}").status == 404


def test_a_customer_is_not_let_to_the_operators_pages(owner: Client) -> None:
    for path in ("/fleet", "/nodes", "/nodes/north-h20-001", "/ledger"):
        assert owner.get(path).status == 403, path
    fields = owner.form("/start")
    assert owner.post("/nodes/north-h20-001/drain", **fields).status == 403


# A meter only tells what it has counted: it is a machine, and looks at nothing.
@pytest.mark.parametrize("role", [role for role in Role if ROLES[role][1] & READS])
def test_everybody_can_open_every_page_that_is_offered(site: Site, role: Role) -> None:
    world, admin = site.cloud.world, site.cloud.admin
    scope = ROLES[role][0]
    customer = None if scope is Scope.OPERATOR else CustomerId("example-robotics")
    project = ProjectId("robotics-training") if scope is Scope.PROJECT else None
    granted = identity.grant(world, admin, f"{role}@portal.example", role, customer, project)
    secret = identity.create_token(world, admin, "tour", 1, granted.principal).secret
    client = Client(site.url)
    assert client.sign_in(secret).status == 303
    home = client.get("/").body
    offered = set(re.findall(r'<li><a href="([^"]+)"', home))
    assert {"/", "/leases", "/prices"} <= offered
    for path in sorted(offered):
        assert client.get(path).status == 200, path


def test_what_a_page_may_load_is_its_own(operator: Client) -> None:
    answer = operator.get("/")
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert not re.search(r"\sstyle=|\son[a-z]+=|javascript:", answer.body)
    assert not re.search(r'(src|href)="(https?:)?//', answer.body)


def test_static_files_are_kept_for_ever_and_compressed(operator: Client) -> None:
    for address in re.findall(r'/static/[^"]+', operator.get("/fleet").body):
        answer = operator.get(address, **{"Accept-Encoding": "gzip"})
        assert answer.status == 200 and "immutable" in answer.headers["Cache-Control"], address
        assert re.search(r"\.[0-9a-f]{12}\.\w+$", address), address
    assert operator.get("/static/../page.py").status == 404


def test_a_redirect_goes_nowhere_else(site: Site, client: Client) -> None:
    for elsewhere in ("https://example.com/", "//example.com", "/\\example.com", "x"):
        answer = client.get(f"/look?language=zh&{urlencode({'next': elsewhere})}")
        assert answer.headers["Location"] == "/"
        csrf = client.form("/sign-in")["csrf"]
        token = site.cloud.tokens["admin"]
        answer = client.post("/sign-in", token=token, csrf=csrf, next=elsewhere)
        assert answer.headers["Location"] == "/"


def test_a_page_is_small(site: Site, operator: Client) -> None:
    buyer = Client(site.url)
    assert buyer.sign_in(site.cloud.tokens["owner@robotics.example"]).status == 303
    for client, paths in ((operator, OPERATOR), (buyer, CUSTOMER)):
        for path in paths:
            answer = client.get(path.format_map(site.cloud.leases))
            assert answer.status == 200, path
            assert len(answer.body.encode()) < LARGEST, path


def test_nonsense_is_answered_in_words(operator: Client) -> None:
    fields = operator.form("/start")
    assert operator.post("/start", **fields).status == 422
    assert operator.post("/start", offer="h20.1", count="-1", **fields).status == 422
    assert operator.post("/start", offer="h20.1", count="9" * 30, **fields).status == 422
    assert operator.post("/leases/lse_nothing/stop", **fields).status == 404
    assert operator.post("/leases/x/y", **fields).status == 404
    assert operator.get("/nodes/%00").status == 404
    assert operator.get("/invoices/preview?customer=example-studio&month=yesterday").status == 422
    assert operator.get("/leases?most=x").status == 422
    assert operator.post("/invoices/close", month="2026-11", **fields).status in (404, 409)
    assert operator.get("/nothing").status == 404


def test_what_is_not_ours_is_too_large(operator: Client) -> None:
    fields = operator.form("/start")
    assert operator.post("/start", env="x" * 300_000, **fields).status == 413


def test_a_text_of_a_customer_is_never_markup(site: Site, owner: Client) -> None:
    fields = owner.form("/start")
    name = "<script>alert(1)</script>"
    owner.post("/start", offer="h800.1", project="studio-render", name=name, **fields)
    body = owner.get("/leases").body
    assert name not in body and "&lt;script&gt;" in body


def test_a_customer_chooses_a_channel_on_its_page_and_the_secret_is_there_once(
    owner: Client,
) -> None:
    hook = {"medium": "webhook", "address": "https://hooks.example/in?key=abc", "language": "zh"}
    made = owner.post("/channels", **hook, **owner.form("/notifications"))
    assert made.status == 200 and re.search(r"data-secret>whsec_[A-Za-z0-9+/=]+<", made.body)
    page = owner.get("/notifications").body
    assert "whsec_" not in page and "key=abc" not in page and "hooks.example/in?…" in page
    (id,) = re.findall(r'action="/channels/([^"/]+)/choose"', page)
    chosen = owner.post(
        f"/channels/{id}/choose",
        topic="lease.notice",
        language="en",
        **owner.form("/notifications"),
    )
    assert chosen.headers["Location"] == "/notifications?done=chosen"
    assert owner.post(f"/channels/{id}/test", **owner.form("/notifications")).status == 303
    again = owner.post(f"/channels/{id}/test", **owner.form("/notifications"))
    assert again.status == 409 and "one test a minute" in again.body
    wrong = {**hook, "address": "https://10.0.0.1/"}
    refused = owner.post("/channels", **wrong, **owner.form("/notifications"))
    assert refused.status == 422 and "not on the public internet" in refused.body
    assert owner.post(f"/channels/{id}/remove", **owner.form("/notifications")).status == 303
    assert "hooks.example/in" not in owner.get("/notifications").body
