"""Looking: pages, versions, who asked, and the documentation."""

import re

import pytest

from tests.api.conftest import Cloud
from tests.api.serve import Client


def test_pages_follow_each_other_without_gap_or_repetition(cloud: Cloud) -> None:
    ids = [cloud.lease() for _ in range(7)]
    seen: list[str] = []
    after = ""
    for size in (3, 3, 1):
        page = cloud.acme.get(f"/v1/leases?limit=3&after={after}").json
        seen += [row["id"] for row in page["items"]]
        assert len(page["items"]) == size
        after = page["next"]
    assert after is None
    assert seen == sorted(ids, reverse=True)


def test_a_page_that_is_just_full_is_the_last(cloud: Cloud) -> None:
    for _ in range(3):
        cloud.lease()
    assert cloud.acme.get("/v1/leases?limit=3").json["next"] is None
    assert cloud.acme.get("/v1/leases?limit=2").json["next"] is not None


@pytest.mark.parametrize(
    "path", ["nodes", "skus", "tokens", "members", "customers", "projects", "sites", "audit"]
)
def test_every_list_is_the_same_in_small_pages_as_in_one(cloud: Cloud, path: str) -> None:
    cloud.later(seconds=1)
    whole = cloud.admin.get(f"/v1/{path}?limit=500").json
    assert whole["next"] is None and whole["items"]
    rows: list[object] = []
    after: str | None = ""
    while after is not None:
        page = cloud.admin.get(f"/v1/{path}?limit=2&after={after}").json
        assert len(page["items"]) <= 2
        rows += page["items"]
        after = page["next"]
    assert rows == whole["items"]


def test_what_has_not_changed_is_not_sent_again(cloud: Cloud) -> None:
    lease = cloud.lease()
    fresh = cloud.acme.get(f"/v1/leases/{lease}").headers["etag"]
    for client, path in ((cloud.acme, f"/v1/leases/{lease}"), (cloud.admin, "/v1/nodes/node-1")):
        first = client.get(path)
        tag = first.headers["etag"]
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = client.get(path, **{"If-None-Match": known})
            assert (again.status, again.content, again.headers["etag"]) == (304, b"", tag)
        assert client.get(path, **{"If-None-Match": '"other"'}).json == first.json
    cloud.provision()
    assert cloud.acme.get(f"/v1/leases/{lease}", **{"If-None-Match": fresh}).status == 200


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "k1"}])
def test_a_lease_that_has_changed_since_is_not_stopped(cloud: Cloud, key: dict[str, str]) -> None:
    lease = cloud.lease()
    old = cloud.acme.get(f"/v1/leases/{lease}").headers["etag"]
    cloud.provision()
    before = cloud.rows()
    stale = cloud.acme.post(f"/v1/leases/{lease}/stop", None, **{"If-Match": old, **key})
    assert (stale.status, stale.json["reason"]) == (412, "stale")
    assert cloud.rows() == before
    new = cloud.acme.get(f"/v1/leases/{lease}").headers["etag"]
    stopped = cloud.acme.post(f"/v1/leases/{lease}/stop", None, **{"If-Match": new, **key})
    assert stopped.status == 200 and stopped.json["wanted"] == "stopped"


def test_a_request_has_one_id_in_answer_and_audit(cloud: Cloud) -> None:
    wish = {"project": "acme-work", "sku": "h100.1"}
    told = cloud.acme.post("/v1/leases", wish, **{"X-Request-Id": "trace-77.a_b"})
    assert told.headers["x-request-id"] == "trace-77.a_b"
    made = cloud.acme.post("/v1/leases", {**wish, "count": 999})
    rows = cloud.acme.get("/v1/audit?limit=2").json["items"]
    assert [(row["request"], row["outcome"]) for row in reversed(rows)] == [
        ("trace-77.a_b", "done"),
        (made.headers["x-request-id"], "no_capacity"),
    ]


@pytest.mark.parametrize("given", ["", "two words", "x" * 65, "<script>", "a;b"])
def test_an_odd_request_id_is_replaced(cloud: Cloud, given: str) -> None:
    answer = cloud.admin.get("/v1/whoami", **{"X-Request-Id": given})
    assert re.fullmatch(r"req_\w+", answer.headers["x-request-id"])


def test_health_readiness_and_documentation_need_no_token(cloud: Cloud) -> None:
    anybody = Client(cloud.port)
    assert anybody.get("/v1/health").json["status"] == "ok"
    assert anybody.get("/v1/ready").json["status"] == "ready"
    assert anybody.get("/v1/openapi.json").json["openapi"].startswith("3.1")
    assert anybody.get("/docs").status == 200


def test_the_documentation_loads_nothing_and_names_every_operation(cloud: Cloud) -> None:
    answer = Client(cloud.port).get("/docs")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.search(r"<script|<link|<img|@import|url\(|https?://", answer.text)
    for path in cloud.app.openapi()["paths"]:
        assert f"<code>{path}</code>" in answer.text


def test_every_operation_says_what_it_does_and_needs_a_token_unless_it_is_public(
    cloud: Cloud,
) -> None:
    public = {"/v1/health", "/v1/ready"}
    names: set[str] = set()
    for path, operations in cloud.app.openapi()["paths"].items():
        for verb, operation in operations.items():
            assert operation["summary"] and operation["tags"], f"{verb} {path}"
            assert ("security" in operation) == (path not in public), f"{verb} {path}"
            assert operation["operationId"] not in names
            names.add(operation["operationId"])


def test_a_mistyped_filter_does_not_list_everything(cloud: Cloud) -> None:
    answer = cloud.admin.get("/v1/leases?custmer=acme")
    assert (answer.status, answer.json["field"]) == (422, "custmer")


def test_instants_are_utc_and_money_is_text(cloud: Cloud) -> None:
    lease = cloud.acme.get(f"/v1/leases/{cloud.lease()}").json
    assert lease["created"] == "2026-11-02T08:00:00Z"
    assert lease["price"]["per_hour"] == "17.00" and lease["class"] == "on_demand"
    shown = cloud.admin.get("/v1/prices?at=2026-11-02T16:00:00%2B08:00").json["items"]
    assert {row["sku"] for row in shown} == {"h100.1", "h100.node"}
