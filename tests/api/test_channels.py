"""Channels and notifications over HTTP: a secret once, nobody else's, and the way to send again."""

from tests.api.conftest import Cloud

HOOK = {"medium": "webhook", "address": "https://hooks.example/in?key=abc"}


def test_a_webhooks_secret_is_answered_once_and_kept_in_no_answer(cloud: Cloud) -> None:
    key = {"Idempotency-Key": "one"}
    made = cloud.acme.post("/v1/channels", {**HOOK, "customer": "acme"}, **key)
    assert made.status == 201 and made.json["secret"].startswith("whsec_"), made.text
    again = cloud.acme.post("/v1/channels", {**HOOK, "customer": "acme"}, **key)
    assert again.headers["idempotency-replayed"] == "true" and again.json["secret"] is None
    assert again.json["id"] == made.json["id"]
    listed = cloud.acme.get("/v1/channels")
    assert [row["to"] for row in listed.json["items"]] == ["https://hooks.example/in?…"]
    assert made.json["secret"] not in listed.text and "key=abc" not in listed.text


def test_what_is_anothers_is_not_there_and_what_is_the_operators_is_not_allowed(
    cloud: Cloud,
) -> None:
    id = cloud.acme.post("/v1/channels", {**HOOK, "customer": "acme"}).json["id"]
    choice = {"topics": ["invoice.issued"], "language": "zh"}
    for answer in (
        cloud.bolt("DELETE", f"/v1/channels/{id}"),
        cloud.bolt.post(f"/v1/channels/{id}/test"),
        cloud.bolt.post(f"/v1/channels/{id}/choose", choice),
        cloud.bolt.post("/v1/channels", {**HOOK, "customer": "acme"}),
        cloud.bolt.get("/v1/channels?customer=acme"),
    ):
        assert answer.status == 404, answer.text
    assert cloud.bolt.post("/v1/channels", HOOK).status == 403
    chosen = cloud.acme.post(f"/v1/channels/{id}/choose", choice)
    assert (chosen.json["topics"], chosen.json["language"]) == (["invoice.issued"], "zh")


def test_a_test_is_seen_in_the_outbox_and_by_its_owner_alone(cloud: Cloud) -> None:
    id = cloud.acme.post("/v1/channels", {**HOOK, "customer": "acme"}).json["id"]
    told = cloud.acme.post(f"/v1/channels/{id}/test").json
    assert (told["topic"], told["state"], told["customer"]) == ("channel.test", "new", "acme")
    assert cloud.bolt.get(f"/v1/notifications/{told['id']}").status == 404
    assert cloud.bolt.get("/v1/notifications").json["items"] == []
    again = cloud.acme.post(f"/v1/notifications/{told['id']}/resend")
    assert again.json["state"] == "waiting" and again.json["sendings"][0]["attempts"] == 0
    (shown,) = cloud.admin.get("/v1/notifications?customer=acme&state=waiting").json["items"]
    assert shown == again.json
