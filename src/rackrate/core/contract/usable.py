"""Rights that could never be used are not agreed: said once, for quotes and for signatures."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from rackrate.core.contract.commitment import Commitment
from rackrate.core.contract.renewal import months_later, term_of
from rackrate.core.contract.terms import EarlyEnd, Renewal, Terms, UpgradeRight
from rackrate.core.errors import Invalid

A_DAY = timedelta(days=1)


def check_usable(
    terms: Terms,
    commitments: Sequence[Commitment],
    time_zone: str,
    agreed: datetime | None = None,
) -> None:
    """Invalid with the field and the last day that would do, where a right can never be used.

    `agreed` is when; None for what others have agreed before, whose days may be over.
    """
    end = max(each.during.end for each in commitments)
    nodes_end = max((each.during.end for each in commitments if each.nodes), default=None)
    if terms.renewal is not None:
        renewed = _check_renewal(terms.renewal, commitments, time_zone, agreed)
        end = max(end, renewed)
        nodes_end = None if nodes_end is None else max(nodes_end, renewed)
    if terms.early_end is not None:
        _check_early_end(terms.early_end, end, agreed)
    if terms.upgrade is not None:
        _check_upgrade(terms.upgrade, nodes_end)
    changing = "terms.indexation" if terms.indexation is not None else "terms.steps"
    if (terms.indexation is not None or terms.steps) and not any(
        each.monthly and each.planned and each.total is None for each in commitments
    ):
        raise Invalid(changing, "is of what is agreed by the month, and nothing here is")


def _check_renewal(
    right: Renewal, commitments: Sequence[Commitment], time_zone: str, agreed: datetime | None
) -> datetime:
    """Where the contract ends if it is used."""
    end = term_of(commitments)
    if end is None:
        raise Invalid("terms.renewal", "is for what is paid by the month, and nothing here is")
    if right.decide_by > end:
        raise Invalid(
            "terms.renewal.decide_by",
            f"{_said(right.decide_by)} is after the contract's end, {_said(end)}",
        )
    if agreed is not None and right.decide_by <= agreed:
        raise Invalid(
            "terms.renewal.decide_by",
            f"{_said(right.decide_by)} is over before it is agreed, at {_said(agreed)}",
        )
    return months_later(end, right.months, time_zone)


def _check_early_end(right: EarlyEnd, end: datetime, agreed: datetime | None) -> None:
    if right.not_before is not None and right.not_before >= end:
        raise Invalid(
            "terms.early_end.not_before",
            f"{_said(right.not_before)} is not before the contract's end, {_said(end)}",
        )
    if agreed is not None and agreed < end <= agreed + timedelta(days=right.notice_days):
        most = (end - agreed - timedelta(seconds=1)) // A_DAY
        raise Invalid(
            "terms.early_end.notice_days",
            f"{right.notice_days} days from now are not before the contract's end, {_said(end)}; "
            f"at most {most} are",
        )


def _check_upgrade(right: UpgradeRight, end: datetime | None) -> None:
    if end is None:
        raise Invalid("terms.upgrade", "is for nodes, and the contract has none")
    if right.not_before >= end:
        raise Invalid(
            "terms.upgrade.not_before",
            f"{_said(right.not_before)} is not before the end of its nodes, {_said(end)}",
        )


def _said(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"
