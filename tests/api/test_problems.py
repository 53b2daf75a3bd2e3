"""Every error has a status, and says what it is."""

import json
from collections.abc import Iterator

import pytest
from pydantic import BaseModel, ValidationError

from rackrate.api.problems import STATUS, Fault, invalid, problem, refused
from rackrate.api.schemas.parts import Country, Money, MonthText, Name, Rate
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


class Written(BaseModel):
    """One of each text that has a form."""

    money: Money | None = None
    rate: Rate | None = None
    month: MonthText = "2026-11"
    country: Country = "CN"
    name: Name = "acme"


@pytest.mark.parametrize(
    ("field", "given", "said"),
    [
        ("money.amount", {"amount": "1e30", "currency": "CNY"}, "a decimal, such as 1234.50"),
        ("money.currency", {"amount": "1.00", "currency": "yuan"}, "a currency, such as CNY"),
        ("rate.amount", {"amount": "1e400", "currency": "CNY"}, "a decimal, such as 2.178"),
        ("month", "2026-13", "a month, such as 2026-11"),
        ("country", "China", "a country, such as CN"),
        ("name", "Á", "1 to 63 of a-z"),
    ],
)
def test_what_is_not_in_its_form_is_told_in_words(field: str, given: object, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Written.model_validate({field.partition(".")[0]: given})
    errors = [{**each, "loc": ("body", *each["loc"])} for each in caught.value.errors()]
    body = json.loads(bytes(invalid(errors, "req_1").body))
    assert body["detail"].startswith(f"{field}: write it ") and said in body["detail"]
    assert "pattern" not in body["detail"] and "^" not in body["detail"]


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
