"""Every error has a status, and says what it is."""

import json
from collections.abc import Iterator

import pytest

from rackrate.api.problems import STATUS, Fault, problem, refused
from rackrate.core.errors import (
    Conflict,
    Forbidden,
    Invalid,
    Missing,
    RackrateError,
    Reason,
    Refused,
    Unauthenticated,
    Unavailable,
)
from tests.api.conftest import Cloud

SAMPLES: dict[type[RackrateError], RackrateError] = {
    Refused: Refused(Reason.NO_CAPACITY, "full", {"slots_free": 3}),
    Forbidden: Forbidden("no"),
    Unauthenticated: Unauthenticated("who?"),
    Invalid: Invalid("count", "0 is not 1 to 9"),
    Missing: Missing("lease", "lse_1"),
    Conflict: Conflict("again"),
    Unavailable: Unavailable("later"),
}


def kinds(of: type[RackrateError] = RackrateError) -> Iterator[type[RackrateError]]:
    for kind in of.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_every_reason_has_a_status() -> None:
    assert STATUS.keys() == {*Reason, *Fault}
    assert all(400 <= status <= 599 for status in STATUS.values())


def test_every_kind_of_error_is_answered_with_the_status_of_its_reason() -> None:
    assert set(kinds()) == SAMPLES.keys()
    for error in SAMPLES.values():
        answer = refused(error, "req_1")
        body = json.loads(bytes(answer.body))
        assert answer.status_code == body["status"] == STATUS[error.reason]
        assert answer.media_type == "application/problem+json"
        assert (body["reason"], body["detail"]) == (error.reason, error.detail)
        assert body["request_id"] == "req_1" and body["type"].endswith(error.reason)
        assert body.items() >= error.facts.items()


@pytest.mark.parametrize("member", ["status", "reason", "detail", "type", "title", "request_id"])
def test_a_fact_never_hides_a_member_that_every_problem_has(member: str) -> None:
    body = json.loads(bytes(problem(Reason.MISSING, "gone", "req_1", {member: "?"}).body))
    assert body[member] != "?"


def test_every_operation_documents_every_status_that_its_reasons_have(cloud: Cloud) -> None:
    protocol = {STATUS[Fault.WRONG_METHOD], STATUS[Fault.INTERNAL], STATUS[Fault.STALE]}
    body = {STATUS[Fault.TOO_LARGE], STATUS[Fault.WRONG_MEDIA_TYPE]}
    for path, operations in cloud.app.openapi()["paths"].items():
        for verb, operation in operations.items():
            if "security" not in operation:
                continue
            told = {int(status) for status in operation["responses"]}
            wanted = set(STATUS.values()) - protocol - (set() if verb == "post" else body)
            assert wanted <= told, f"{verb} {path}: {sorted(wanted - told)}"
