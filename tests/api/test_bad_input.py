"""Whatever is wrong with a request: a clear answer with a stable reason, and nothing changed."""

import http.client
import json
from collections.abc import Iterator

import pytest

from rackrate.api.edge import LARGEST
from rackrate.app import identity
from rackrate.core.ids import PrincipalId
from rackrate.memory import MemoryStore
from tests.api.conftest import Cloud, open_cloud
from tests.api.serve import Answer, Client


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """One for all of these tests: what they send changes nothing."""
    yield from open_cloud(MemoryStore())


WISH = {"project": "acme-work", "sku": "h100.1"}


def told(answer: Answer, status: int, reason: str) -> dict[str, object]:
    """The problem, once it is the one that was meant."""
    assert (answer.status, answer.json["reason"]) == (status, reason), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["request_id"] == answer.headers["x-request-id"]
    found: dict[str, object] = answer.json
    return found


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"count": -1}, "count"),
        ({"count": 0}, "count"),
        ({"count": 10**9}, "count"),
        ({"count": 10**30}, "count"),
        ({"count": 1.5}, "count"),
        ({"count": "many"}, "count"),
        ({"nodes": -3}, "nodes"),
        ({"sku": None}, "sku"),
        ({"sku": "h100\0.1"}, "sku"),
        ({"name": "x" * 10_000}, "name"),
        ({"class": "gold"}, "class"),
        ({"class": "spot", "contract": "k1"}, "contract"),
        ({"env": {"9LIVES": "x"}}, "env"),
        ({"env": {"A": "\0"}}, "env.A"),
        ({"env": {"": "x"}}, "env"),
        ({"command": ["a", "b\0"]}, "command[1]"),
        ({"command": ["x" * 60_000, "y" * 60_000]}, "command"),
        ({"ports": [0]}, "ports"),
        ({"volumes": [{"name": "data", "path": "../etc"}]}, "volumes[0].path"),
        ({"volumes": [{"name": "data", "path": "/a/../../etc"}]}, "volumes[0].path"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_by_field(
    cloud: Cloud, wish: dict[str, object], field: str
) -> None:
    before = cloud.rows()
    problem = told(cloud.acme.post("/v1/leases", {**WISH, **wish}), 422, "invalid")
    assert problem["field"] == field
    assert cloud.rows() == before


RAW: dict[str, bytes] = {
    "cut off": b'{"project": "acme-work", "sku"',
    "empty": b"",
    "not JSON": b"<lease/>",
    "a list": b"[]",
    "bad UTF-8": b'{"project": "acme-work", "sku": "\xff\xfe"}',
    "half a surrogate": b'{"project": "acme-work", "sku": "\\ud800"}',
    "too many digits": b'{"project": "a", "sku": "b", "count": ' + b"9" * 5000 + b"}",
    "endless": b'{"project": "a", "sku": "b", "count": 1e999}',
    "not a number": b'{"project": "a", "sku": "b", "count": NaN}',
    "too deep": b'{"project":' * 50_000,
}


@pytest.mark.parametrize("name", RAW)
def test_a_body_that_is_not_what_it_should_be_is_refused(cloud: Cloud, name: str) -> None:
    before = cloud.rows()
    told(cloud.acme("POST", "/v1/leases", raw=RAW[name]), 422, "invalid")
    assert cloud.rows() == before


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "", "application/jsonx"])
def test_only_json_is_read(cloud: Cloud, kind: str) -> None:
    body = json.dumps(WISH).encode()
    answer = cloud.acme("POST", "/v1/leases", raw=body, headers={"Content-Type": kind})
    told(answer, 415, "wrong_media_type")


def test_a_body_that_is_too_large_is_refused_unread(cloud: Cloud) -> None:
    size = {"Content-Length": str(LARGEST + 1)}
    told(cloud.acme("POST", "/v1/leases", raw=b"", headers=size), 413, "too_large")


def test_a_body_that_grows_too_large_on_the_way_is_refused(cloud: Cloud) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(12):
            yield b" " * 100_000

    told(cloud.acme("POST", "/v1/leases", raw=chunks()), 413, "too_large")


def test_files_may_be_larger_than_any_other_body(cloud: Cloud) -> None:
    text = "# " + "x" * 9_000_000 + "\n"
    files = [{"name": f"{number}.yaml", "text": text} for number in (1, 2)]
    assert cloud.admin.post("/v1/apply", {"files": files}).status == 200
    told(cloud.admin.post("/v1/apply", {"files": [*files, *files]}), 413, "too_large")


def test_a_stranger_is_told_so_before_his_body_is_read(cloud: Cloud) -> None:
    stranger = Client(cloud.port, "rr_nobody")
    size = {"Content-Length": "19000000"}
    told(stranger("POST", "/v1/apply", raw=b"", headers=size), 401, "unauthenticated")
    told(stranger.post("/v1/leases", {"count": -1}), 401, "unauthenticated")
    told(stranger.get("/v1/leases?limit=-1"), 401, "unauthenticated")


@pytest.mark.parametrize("header", ["", "Basic YTpi", "Bearer", "Bearer  ", "rr_x", "Bearer \xff"])
def test_without_a_token_nothing_is_answered(cloud: Cloud, header: str) -> None:
    answer = Client(cloud.port)("GET", "/v1/leases", headers={"Authorization": header})
    told(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_token_that_has_expired_or_was_revoked_is_refused_at_once(cloud: Cloud) -> None:
    made = cloud.acme.post("/v1/tokens", {"name": "short", "days": 1}).json
    short = Client(cloud.port, made["secret"])
    assert short.get("/v1/whoami").status == 200
    cloud.later(days=1)
    problem = told(short.get("/v1/whoami"), 401, "unauthenticated")
    assert "expired" in str(problem["detail"])

    made = cloud.acme.post("/v1/tokens", {"name": "lost"}).json
    lost = Client(cloud.port, made["secret"])
    assert lost.get("/v1/whoami").status == 200
    assert cloud.acme("DELETE", f"/v1/tokens/{made['id']}").status == 200
    problem = told(lost.get("/v1/whoami"), 401, "unauthenticated")
    assert "revoked" in str(problem["detail"])


def test_what_does_not_exist_is_named(cloud: Cloud) -> None:
    before = cloud.rows()
    problem = told(cloud.acme.post("/v1/leases", {**WISH, "sku": "h900.1"}), 404, "missing")
    assert (problem["kind"], problem["id"]) == ("sku", "h900.1")
    told(cloud.admin.post("/v1/nodes/node-77/drain", {}), 404, "missing")
    told(cloud.admin.get("/v1/invoices/preview?customer=nobody&month=2026-11"), 404, "missing")
    told(cloud.admin("DELETE", "/v1/keys/key_77"), 404, "missing")
    told(cloud.admin.get("/v1/nothing"), 404, "missing")
    assert cloud.rows() == before


def test_a_method_that_a_path_does_not_take_is_refused_with_those_that_it_takes(
    cloud: Cloud,
) -> None:
    answer = cloud.admin("DELETE", "/v1/leases")
    told(answer, 405, "wrong_method")
    assert answer.headers["allow"] == "GET, POST"
    # And not those of `/v1/invoices/{id}`.
    assert cloud.admin("DELETE", "/v1/invoices/close").headers["allow"] == "POST"


YAML: dict[str, tuple[str, str]] = {
    "unknown field": ("kind: site\nname: x\ncolour: red\n", "fleet.yaml:"),
    "unknown kind": ("kind: sight\nname: x\n", "fleet.yaml:1"),
    "not YAML": ("kind: [site\n", "fleet.yaml:"),
    "an alias": ("kind: &a site\nname: *a\n", "fleet.yaml:1"),
    "negative": ("kind: block\nname: b-{}\ncount: -4\nsite: site\nfabric: x\n", "fleet.yaml:3"),
}


@pytest.mark.parametrize("name", YAML)
def test_a_wrong_file_is_refused_with_its_line_and_nothing_is_applied(
    cloud: Cloud, name: str
) -> None:
    text, where = YAML[name]
    good = "{kind: chip, name: h200, vendor: N, model: H200, source: t, confidence: operator}"
    before = cloud.rows()
    files = [{"name": "good.yaml", "text": good}, {"name": "fleet.yaml", "text": text}]
    problem = told(cloud.admin.post("/v1/apply", {"files": files}), 422, "invalid")
    assert str(problem["field"]).startswith(where)
    assert cloud.rows() == before


MONEY: dict[str, dict[str, object]] = {
    "too fine": {"amount": "1.234", "currency": "CNY"},
    "no number": {"amount": "lots", "currency": "CNY"},
    "not a number": {"amount": "NaN", "currency": "CNY"},
    "huge": {"amount": "9" * 40, "currency": "CNY"},
    "no currency": {"amount": "1.00", "currency": "XXX"},
    "a float": {"amount": 1.5, "currency": "CNY"},
}


@pytest.mark.parametrize("name", MONEY)
def test_an_amount_that_cannot_be_owed_is_refused(cloud: Cloud, name: str) -> None:
    asked = {
        "project": "acme-work", "sku": "h100.node", "nodes": 1, "monthly": MONEY[name],
        "start": "2026-12-01T00:00:00Z", "end": "2027-12-01T00:00:00Z",
    }  # fmt: skip
    before = cloud.rows()
    problem = told(cloud.admin.post("/v1/contracts", asked), 422, "invalid")
    assert str(problem["field"]).startswith("monthly")
    assert cloud.rows() == before


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"start": "2026-12-01T00:00:00"}, "start"),
        ({"start": "2026-12-01T00:00:00.5Z"}, "start"),
        ({"start": "0001-01-01T00:00:00+23:00"}, "start"),
        ({"start": "9999-12-31T23:59:59-23:00"}, "start"),
        ({"end": "2026-12-01T00:00:00Z"}, ""),
        ({"nodes": 0}, "nodes"),
        ({"nodes": 10**12}, "nodes"),
        ({"prepayment_percent": "101"}, "prepayment_percent"),
        ({"prepayment_percent": "-1"}, "prepayment_percent"),
        ({"prepayment_percent": "NaN"}, "prepayment_percent"),
        ({"end": "2126-12-01T00:00:00Z"}, "until"),
        ({"id": "Not A Name"}, "id"),
    ],
)
def test_a_contract_that_cannot_be_is_refused(
    cloud: Cloud, part: dict[str, object], field: str
) -> None:
    asked = {
        "project": "acme-work", "sku": "h100.node", "nodes": 1,
        "monthly": {"amount": "60000.00", "currency": "CNY"},
        "start": "2026-12-01T00:00:00Z", "end": "2027-12-01T00:00:00Z",
    }  # fmt: skip
    before = cloud.rows()
    problem = told(cloud.admin.post("/v1/contracts", {**asked, **part}), 422, "invalid")
    assert problem["field"] == field
    assert cloud.rows() == before


@pytest.mark.parametrize(
    "path",
    [
        "/v1/leases?limit=0",
        "/v1/leases?limit=501",
        "/v1/leases?limit=1e9",
        "/v1/leases?phase=flying",
        "/v1/leases?live=perhaps",
        "/v1/leases?after=%00",
        "/v1/leases?customer=%00",
        "/v1/prices?at=yesterday",
        "/v1/invoices/preview?customer=acme&month=2026-13",
        "/v1/invoices/preview?customer=acme&month=0000-01",
        "/v1/invoices/preview?customer=acme&month=1970-01",
        "/v1/invoices/preview?customer=acme&month=9998-12",
        "/v1/invoices/preview?customer=acme",
        "/v1/leases/%00",
        "/v1/leases/lse_1/logs?rank=-1",
        "/v1/leases/lse_1/logs?limit=99999999999999999999999",
        "/v1/ledger/export?format=paper",
    ],
)
def test_a_question_that_makes_no_sense_is_refused(cloud: Cloud, path: str) -> None:
    told(cloud.admin.get(path), 422, "invalid")


@pytest.mark.parametrize("path", ["/v1/leases/%ff%fe", "/v1/leases/%F0%9F%92%A9", "/v1/leases/.."])
def test_an_odd_id_is_only_one_that_is_not_there(cloud: Cloud, path: str) -> None:
    told(cloud.admin.get(path), 404, "missing")


@pytest.mark.parametrize("host", ["[", "", "a b", "x:y", "$(reboot)", "h`id`", "[::1]:8080"])
def test_an_odd_host_is_never_repeated_in_a_line_to_paste(cloud: Cloud, host: str) -> None:
    lease = cloud.lease()
    cloud.provision()
    cloud.provision()
    shown = cloud.acme.get(f"/v1/leases/{lease}", Host=host)
    expected = "::1" if "::1" in host else "localhost"
    assert shown.json["ssh"] == f"ssh -p 2222 {lease}@{expected}"
    ended = cloud.acme.post(f"/v1/leases/{lease}/end", **{"Host": host, "Idempotency-Key": lease})
    assert ended.status == 200
    cloud.provision()


def test_bytes_that_are_not_http_do_no_harm(cloud: Cloud) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=20)
    connection.connect()
    connection.sock.sendall(b"\x00\xff GET / nonsense\r\n\r\n")
    assert connection.sock.recv(100).startswith(b"HTTP/1.1 400")
    connection.close()
    assert cloud.admin.get("/v1/health").status == 200


def test_a_private_key_is_never_said_back(cloud: Cloud) -> None:
    secret = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAA\n"
    answer = cloud.acme.post("/v1/projects/acme-work/keys", {"public_key": secret})
    told(answer, 422, "invalid")
    assert "b3BlbnNza" not in answer.text


def test_a_member_of_a_project_may_not_act_for_the_customer(cloud: Cloud) -> None:
    granted = {
        "email": "kim@acme.example", "role": "guest", "customer": "acme", "project": "acme-work"
    }  # fmt: skip
    assert cloud.acme.post("/v1/members", granted).status == 201
    operator = identity.administrator(cloud.world)
    made = identity.create_token(
        cloud.world, operator, "kim", None, PrincipalId("kim@acme.example")
    )
    kim = Client(cloud.port, made.secret)
    before = cloud.rows()
    assert kim.get("/v1/leases").status == 200
    told(kim.post("/v1/leases", WISH), 403, "not_allowed")
    told(kim.post("/v1/projects", {"id": "x", "customer": "acme", "name": "X"}), 403, "not_allowed")
    told(kim.get("/v1/invoices?customer=acme"), 403, "not_allowed")
    assert cloud.rows() == before
