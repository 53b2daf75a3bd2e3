"""Why the answer is no, over HTTP: one table from reasons to statuses, and RFC 9457 bodies."""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from starlette.responses import Response

from rackrate.api.schemas.parts import IN_WORDS
from rackrate.core.errors import RackrateError, Reason


class Fault(StrEnum):
    """What can be wrong with the exchange itself, before any rule is asked."""

    TOO_LARGE = "too_large"
    WRONG_MEDIA_TYPE = "wrong_media_type"
    WRONG_METHOD = "wrong_method"
    STALE = "stale"
    INTERNAL = "internal"


# Every reason has its status here, and nowhere else.
STATUS: Mapping[Reason | Fault, int] = {
    Reason.NO_CAPACITY: 409,
    Reason.NOT_PRICED: 409,
    Reason.NOT_STATED: 409,
    Reason.NO_RATE: 409,
    Reason.UNLIKELY_RATE: 409,
    Reason.WRONG_STATE: 409,
    Reason.NOT_ALLOWED: 403,
    Reason.NOT_ELIGIBLE: 409,
    Reason.NOT_ISOLATED: 409,
    Reason.BEYOND_CONTRACT: 409,
    Reason.NOT_AGREED: 409,
    Reason.TOO_EARLY: 409,
    Reason.TOO_LATE: 409,
    Reason.NOT_CLOSED_YET: 409,
    Reason.ALREADY_PAID: 409,
    Reason.TOO_MUCH_PAID: 409,
    Reason.KEY_REUSED: 422,
    Reason.NOT_APPROVED: 409,
    Reason.IN_USE: 409,
    Reason.NO_POWER: 409,
    Reason.CREDIT_LIMIT: 409,
    Reason.WALLET_TOO_LOW: 409,
    Reason.BREAKS_PROMISE: 409,
    Reason.INVALID: 422,
    Reason.MISSING: 404,
    Reason.CONFLICT: 409,
    Reason.UNAVAILABLE: 503,
    Reason.UNAUTHENTICATED: 401,
    Fault.TOO_LARGE: 413,
    Fault.WRONG_MEDIA_TYPE: 415,
    Fault.WRONG_METHOD: 405,
    Fault.STALE: 412,
    Fault.INTERNAL: 500,
}

_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": "Bearer"},
    503: {"Retry-After": "1"},
}
_MEANING: Mapping[int, str] = {
    401: "Nobody that we know is asking",
    403: "The asker is known, and may not do this",
    404: "No such thing, or none that the asker may know of",
    409: "The rules say no, or somebody else was first",
    412: "It has changed since the version in If-Match",
    413: "The request is too large",
    415: "The request is not JSON",
    422: "The request itself is wrong; `field` says where",
    503: "Not now; try again",
}
MEDIA_TYPE = "application/problem+json"
MOST_MISTAKES = 20


class Stale(Exception):
    """What the asker saw has changed."""


def problem(
    reason: Reason | Fault,
    detail: str,
    request: str,
    facts: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer for `reason`. Facts never hide the members that every problem has."""
    status = STATUS[reason]
    body = {
        **(facts or {}),
        "type": f"urn:rackrate:problem:{reason}",
        "title": reason.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "reason": reason,
        "request_id": request,
    }
    return Response(
        json.dumps(body, default=str),
        status,
        {**_HEADERS.get(status, {}), **(headers or {})},
        MEDIA_TYPE,
    )


def refused(error: RackrateError, request: str) -> Response:
    """The answer for an error that was raised on purpose."""
    return problem(error.reason, error.detail, request, error.facts)


def invalid(errors: Sequence[Any], request: str) -> Response:
    """The answer for what a schema refuses: the first mistake in words, up to twenty as facts."""
    mistakes = [
        {"field": _field(error["loc"]), "detail": _said(error)} for error in errors[:MOST_MISTAKES]
    ]
    first = mistakes[0]
    detail = f"{first['field']}: {first['detail']}" if first["field"] else first["detail"]
    facts = {"field": first["field"], "errors": mistakes}
    return problem(Reason.INVALID, detail, request, facts)


def _said(error: Mapping[str, Any]) -> str:
    """What is wrong, without the pattern that was not matched, where that has words."""
    pattern = error.get("ctx", {}).get("pattern", "")
    told: str = error["msg"].removeprefix("Value error, ")
    return IN_WORDS.get(pattern, told)


def _field(loc: Sequence[str | int]) -> str:
    """`members[0].count` from ("body", "members", 0, "count")."""
    parts = loc[1:] if loc and loc[0] in ("body", "query", "path", "header") else loc
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text[:200]


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that an operation may answer, for OpenAPI."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": _MEANING[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


OPEN = documented(422, 503)
READS = documented(401, 403, 404, 409, 422, 503)
WRITES = documented(401, 403, 404, 409, 413, 415, 422, 503)
LEASE_WRITES = documented(401, 403, 404, 409, 412, 413, 415, 422, 503)
