"""What the gateway needs to know of leases: who may enter which, and how."""

from dataclasses import dataclass
from typing import Protocol

from rackrate.core.ids import LeaseId
from rackrate.core.workload import Entry


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who may enter a member of a lease. `who` is for the log."""

    lease: LeaseId
    rank: int
    who: str


class Door(Protocol):
    """Asked from threads of their own, so an answer may come from a database."""

    def admit(self, user: str, key: str) -> Visit | None:
        """`user` is `LEASE` or `LEASE+RANK`, `key` an OpenSSH public key without its comment."""

    def entry(self, visit: Visit) -> Entry:
        """The way in, or a RackrateError whose detail tells the visitor what to do next."""


def parse(user: str) -> tuple[LeaseId, int]:
    """The lease and the member that a user name means; rank 0 where it names none."""
    lease, plus, rank = user.partition("+")
    if plus and not (rank.isascii() and rank.isdigit() and len(rank) <= 6):
        return LeaseId(user), 0
    return LeaseId(lease), int(rank or 0)
