"""What can go wrong, said so that the caller knows what to do next."""

from collections.abc import Mapping
from enum import StrEnum


class Reason(StrEnum):
    """Why the answer is no. Stable: customers, dashboards and tests match on these."""

    NO_CAPACITY = "no_capacity"
    NOT_PRICED = "not_priced"
    NOT_STATED = "not_stated"
    NO_RATE = "no_rate"
    UNLIKELY_RATE = "unlikely_rate"
    WRONG_STATE = "wrong_state"
    NOT_ALLOWED = "not_allowed"
    NOT_ELIGIBLE = "not_eligible"
    NOT_ISOLATED = "not_isolated"
    BEYOND_CONTRACT = "beyond_contract"
    NOT_AGREED = "not_agreed"
    TOO_EARLY = "too_early"
    TOO_LATE = "too_late"
    NOT_CLOSED_YET = "not_closed_yet"
    ALREADY_PAID = "already_paid"
    TOO_MUCH_PAID = "too_much_paid"
    KEY_REUSED = "key_reused"
    NOT_APPROVED = "not_approved"
    IN_USE = "in_use"
    NO_POWER = "no_power"
    CREDIT_LIMIT = "credit_limit"
    WALLET_TOO_LOW = "wallet_too_low"
    BREAKS_PROMISE = "breaks_promise"
    INVALID = "invalid"
    MISSING = "missing"
    CONFLICT = "conflict"
    UNAVAILABLE = "unavailable"
    UNAUTHENTICATED = "unauthenticated"


class RackrateError(Exception):
    """Everything that Rackrate raises on purpose. `detail` is one sentence for the caller."""

    def __init__(
        self, reason: Reason, detail: str, facts: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.facts = dict(facts or {})


class Refused(RackrateError):
    """The rules say no. Normal business: tell the customer why, and page nobody.

    `facts` carries the numbers that the asker needs next, for programs.
    """


class Forbidden(Refused):
    """The actor is known, and may not do this."""

    def __init__(self, detail: str) -> None:
        super().__init__(Reason.NOT_ALLOWED, detail)


class Unauthenticated(RackrateError):
    """Nobody that we know is asking."""

    def __init__(self, detail: str) -> None:
        super().__init__(Reason.UNAUTHENTICATED, detail)


class Invalid(RackrateError):
    """The request itself is wrong. `where`: the field, as `members[0].count` or `file.yaml:12`."""

    def __init__(self, where: str, detail: str) -> None:
        super().__init__(
            Reason.INVALID, f"{where}: {detail}" if where else detail, {"field": where}
        )
        self.where = where


class Missing(RackrateError):
    """No such thing, or none that the actor may know of."""

    def __init__(self, kind: str, key: str, detail: str = "") -> None:
        said = detail or f"no {kind} {key!r}"
        super().__init__(Reason.MISSING, said, {"kind": kind, "id": key})
        self.kind = kind
        self.key = key


class Conflict(RackrateError):
    """Somebody else changed it first. Load it again and decide again."""

    def __init__(self, detail: str) -> None:
        super().__init__(Reason.CONFLICT, detail)


class Unavailable(RackrateError):
    """Not now. The next pass, or the caller, tries again."""

    def __init__(self, detail: str) -> None:
        super().__init__(Reason.UNAVAILABLE, detail)
