"""A request with a key is carried out once, however often and from however many it comes."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from rackrate.app.rows import KINDS
from rackrate.core.parties import Idempotency
from tests.api.conftest import Cloud

WISH = {"project": "acme-work", "sku": "h100.1"}


def test_the_same_key_answers_the_same_and_does_nothing_again(either: Cloud) -> None:
    first = either.acme.post("/v1/leases", WISH, **{"Idempotency-Key": "k1"})
    before = either.rows()
    again = either.acme.post("/v1/leases", WISH, **{"Idempotency-Key": "k1"})
    assert (again.status, again.json) == (first.status, first.json) == (201, first.json)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert either.rows() == before


def test_the_same_key_for_another_request_is_refused(either: Cloud) -> None:
    either.acme.post("/v1/leases", WISH, **{"Idempotency-Key": "k1"})
    before = either.rows()
    for path, body in (
        ("/v1/leases", {**WISH, "count": 2}),
        ("/v1/tokens", {"name": "x"}),
    ):
        answer = either.acme.post(path, body, **{"Idempotency-Key": "k1"})
        assert (answer.status, answer.json["reason"]) == (422, "key_reused")
    assert either.rows() == before


def test_stopping_is_another_request_than_ending(cloud: Cloud) -> None:
    lease = cloud.lease()
    cloud.acme.post(f"/v1/leases/{lease}/stop", None, **{"Idempotency-Key": "k1"})
    answer = cloud.acme.post(f"/v1/leases/{lease}/end", None, **{"Idempotency-Key": "k1"})
    assert (answer.status, answer.json["reason"]) == (422, "key_reused")


def test_a_key_is_one_principals_own(either: Cloud) -> None:
    either.acme.post("/v1/leases", WISH, **{"Idempotency-Key": "k1"})
    mine = either.bolt.post(
        "/v1/leases", {**WISH, "project": "bolt-work"}, **{"Idempotency-Key": "k1"}
    )
    assert mine.status == 201 and mine.json["customer"] == "bolt"


def test_a_refusal_is_decided_again(either: Cloud) -> None:
    whole = {"project": "acme-work", "sku": "h100.node", "count": 4}
    held = either.lease()
    refused = either.acme.post("/v1/leases", whole, **{"Idempotency-Key": "k1"})
    assert (refused.status, refused.json["reason"]) == (409, "no_capacity")
    assert either.acme.post(f"/v1/leases/{held}/end").status == 200
    either.provision()
    either.later(minutes=1)
    either.provision()
    assert either.acme.post("/v1/leases", whole, **{"Idempotency-Key": "k1"}).status == 201


def test_after_seven_days_a_key_is_new(either: Cloud) -> None:
    first = either.acme.post("/v1/leases", WISH, **{"Idempotency-Key": "k1"})
    either.later(days=7)
    again = either.acme.post("/v1/leases", WISH, **{"Idempotency-Key": "k1"})
    assert again.status == 201 and again.json["id"] != first.json["id"]


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_that_is_none_is_refused(cloud: Cloud, key: str) -> None:
    answer = cloud.acme.post("/v1/leases", WISH, **{"Idempotency-Key": key})
    assert (answer.status, answer.json["reason"]) == (422, "invalid")
    assert answer.json["field"] == "Idempotency-Key"


def test_a_tokens_secret_is_shown_once_and_kept_nowhere(either: Cloud) -> None:
    asked = {"name": "laptop", "days": 30}
    first = either.acme.post("/v1/tokens", asked, **{"Idempotency-Key": "k1"}).json
    again = either.acme.post("/v1/tokens", asked, **{"Idempotency-Key": "k1"}).json
    assert first["secret"].startswith("rr_") and again["secret"] is None
    assert again["id"] == first["id"] and "kept nowhere" in again["note"]
    with either.world.store.transaction() as tx:
        assert first["secret"] not in repr([tx.find(kind) for kind in KINDS])
        assert len(tx.find(Idempotency)) == 1


def test_many_who_send_the_same_key_at_once_start_one_lease(cloud_on_postgres: Cloud) -> None:
    cloud = cloud_on_postgres

    def send(_: int) -> tuple[int, str]:
        answer = cloud.acme.post("/v1/leases", WISH, **{"Idempotency-Key": "k1"})
        return answer.status, answer.json.get("id") or answer.json["reason"]

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(send, range(8)))
    leases = cloud.acme.get("/v1/leases").json["items"]
    assert len(leases) == 1
    # Whoever came while the first was still at it may have been told to try again.
    assert (201, leases[0]["id"]) in answers
    assert answers <= {(201, leases[0]["id"]), (409, "conflict")}


def test_many_who_want_the_last_gpu_get_it_once(cloud_on_postgres: Cloud) -> None:
    cloud = cloud_on_postgres
    for _ in range(3):
        cloud.lease(sku="h100.node")
    cloud.lease(count=7)

    def buy(number: int) -> tuple[int, str]:
        buyer, project = (cloud.acme, "acme-work") if number % 2 else (cloud.bolt, "bolt-work")
        answer = buyer.post("/v1/leases", {"project": project, "sku": "h100.1"})
        return answer.status, answer.json.get("reason", "")

    with ThreadPoolExecutor(12) as pool:
        answers = sorted(pool.map(buy, range(12)))
    assert answers == [(201, "")] + [(409, "no_capacity")] * 11
