"""Notifications: what was told and whether it arrived, and the channels that one chooses."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import Response

from rackrate.app import channels
from rackrate.app.world import World
from rackrate.core.access import Actor, Verb
from rackrate.core.errors import Invalid, RackrateError
from rackrate.core.ids import CustomerId
from rackrate.core.outbox import Channel, Language, Medium, Notification, State, Topic
from rackrate.portal.errors import refusal, status_of
from rackrate.portal.messages import msg
from rackrate.portal.page import Page, Posted, Same, Visited

router = APIRouter()
A_PAGE = 30
ABOUT = ("invoice", "leases", "holders", "site")
MOST_NAMED = 1
TOPIC_NAMES = {
    Topic.INVOICE_ISSUED: msg("Invoice issued"),
    Topic.CREDIT_NOTE_ISSUED: msg("Credit note issued"),
    Topic.INVOICE_OVERDUE: msg("Invoice overdue"),
    Topic.LEASE_NOTICE: msg("Leases have to make way"),
    Topic.LEASE_NOTICE_WITHDRAWN: msg("Leases may stay"),
    Topic.BUDGET_REACHED: msg("A budget is half, four fifths or all used"),
    Topic.BUDGET_STOPS: msg("Leases will stop, since a budget is used up"),
    Topic.BUDGET_STOPPED: msg("Leases stopped, since a budget is used up"),
    Topic.WALLET_LOW: msg("Little is left in the wallet"),
    Topic.WALLET_EMPTY: msg("Leases will stop, since the wallet is empty"),
    Topic.WALLET_REFILLED: msg("The wallet was topped up in time"),
    Topic.WALLET_STOPPED: msg("Leases stopped, since the wallet is empty"),
    Topic.WALLET_ENDING: msg("Volumes will be deleted, since the wallet is empty"),
    Topic.WALLET_ENDED: msg("Volumes deleted, since the wallet stayed empty"),
    Topic.PRICE_ENDS: msg("A price of one's own ends"),
    Topic.PREPAYMENT_LOW: msg("Little is left of a contract's prepayment"),
    Topic.PROMISE_BROKEN: msg("Promises broken"),
    Topic.CHANNEL_TEST: msg("Test of a channel"),
}
STATES = {
    State.NEW: ("wait", msg("New")),
    State.NO_CHANNEL: ("warn", msg("No channel")),
    State.WAITING: ("wait", msg("On its way")),
    State.SENT: ("ok", msg("Sent")),
    State.DEAD: ("bad", msg("Given up")),
}
MEDIUM_NAMES = {
    Medium.EMAIL: msg("E-mail"),
    Medium.WEBHOOK: msg("Signed webhook"),
    Medium.SLACK: msg("Slack or alike"),
    Medium.FEISHU: msg("Feishu, Lark"),
    Medium.DINGTALK: msg("DingTalk"),
    Medium.WECOM: msg("WeCom"),
}
# What the buttons do, and what is then said to be done.
ACTS: Mapping[str, tuple[Callable[[World, Actor, str], object], str]] = {
    "test": (channels.try_out, "test-sent"),
    "remove": (channels.remove, "channel-removed"),
    "resend": (channels.resend, "resent"),
}
# Each in its own words.
LANGUAGE_NAMES = {Language.EN: "English", Language.ZH: "中文"}


@router.get("/notifications")
def notifications(page: Visited, state: str = "", customer: str = "", after: str = "") -> Response:
    return _shown(page, _Asked(page, state, customer, after), None)


class _Asked:
    """Which part of the outbox is looked at, and whose channels stand beside it."""

    def __init__(self, page: Page, state: str = "", customer: str = "", after: str = "") -> None:
        mine = page.organisation.customer
        self.customer = mine or (CustomerId(customer) if customer else None)
        self.state = State(state) if state in frozenset(State) else None
        self.after = after

    @property
    def same(self) -> Same:
        given = {"customer": self.customer, "state": self.state}
        parts = [(name, value) for name, value in given.items() if value is not None]
        query = "&".join(f"{name}={value}" for name, value in parts)
        return Same(
            "rackrate notification list" + "".join(f" --{name} {value}" for name, value in parts),
            "GET /v1/notifications" + (f"?{query}" if query else ""),
        )


def _shown(
    page: Page, asked: _Asked, refused: RackrateError | None, made: Channel | None = None
) -> Response:
    wanted = channels.Filter(asked.customer, asked.state)
    found = channels.notifications(page.world, page.actor, wanted, asked.after, A_PAGE + 1)
    values: dict[str, Any] = {
        "rows": found[:A_PAGE],
        "following": found[A_PAGE - 1].row.id if len(found) > A_PAGE else "",
        "asked": asked,
        "channels": channels.find(page.world, page.actor, asked.customer),
        "choices": channels.topics_for(asked.customer),
        "made": made,
        "topic_names": TOPIC_NAMES,
        "states": STATES,
        "about": about,
        "medium_names": MEDIUM_NAMES,
        "language_names": LANGUAGE_NAMES,
        "may_write": page.may(Verb.CHANNEL_WRITE),
        "form_key": page.form_key(),
        "refusal": None if refused is None else refusal(page, refused),
    }
    status = 200 if refused is None else status_of(refused)
    return page.show("notifications.html", asked.same, status, **values)


def about(row: Notification) -> str:
    """What a notification is about: the first of what it names, and how many more."""
    first = next((row.facts[name] for name in ABOUT if row.facts.get(name)), "").split()
    more = len(first) - MOST_NAMED
    return ", ".join(first[:MOST_NAMED]) + (f" +{more}" if more > 0 else "")


@router.post("/channels")
def add(
    page: Posted,
    medium: Annotated[str, Form()] = "",
    address: Annotated[str, Form()] = "",
    language: Annotated[str, Form()] = "",
    secret: Annotated[str, Form()] = "",
    customer: Annotated[str, Form()] = "",
    topic: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """The secret of a webhook is on this page only: it is in no redirect."""
    asked = _Asked(page, customer=customer)
    try:
        new = channels.NewChannel(
            asked.customer,
            _one(Medium, "medium", medium),
            address,
            _one(Language, "language", language or page.look.language),
            _topics(topic),
            secret.strip(),
        )
        made = channels.add(page.world, page.actor, new)
    except RackrateError as refused:
        return _shown(page, asked, refused)
    return _shown(page, asked, None, made)


@router.post("/channels/{id}/choose")
def choose(
    page: Posted,
    id: str,
    language: Annotated[str, Form()] = "",
    topic: Annotated[list[str] | None, Form()] = None,
    customer: Annotated[str, Form()] = "",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    def carry_out() -> str:
        spoken = _one(Language, "language", language)
        channels.choose(page.world, page.actor, id, _topics(topic), spoken)
        return "chosen"

    return _done(page, customer, form_key, f"{id}/choose/{language}/{topic}", carry_out)


@router.post("/channels/{id}/test")
@router.post("/channels/{id}/remove")
@router.post("/notifications/{id}/resend")
def act(
    page: Posted,
    id: str,
    customer: Annotated[str, Form()] = "",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    """A button beside a channel or a notification: its address ends in what it does."""
    name = page.request.url.path.rpartition("/")[2]
    do, said = ACTS[name]

    def carry_out() -> str:
        do(page.world, page.actor, id)
        return said

    return _done(page, customer, form_key, f"{id}/{name}", carry_out)


def _done(page: Page, customer: str, key: str, what: str, act: Callable[[], str]) -> Response:
    """Carried out once for its key, and back to the page; a refusal is shown on it."""
    asked = _Asked(page, customer=customer)
    of = "" if page.organisation.customer or not customer else f"&customer={customer}"
    try:
        return page.once(key, f"channel/{what}", lambda: f"/notifications?done={act()}{of}")
    except RackrateError as refused:
        return _shown(page, asked, refused)


def _topics(given: list[str] | None) -> tuple[Topic, ...]:
    return tuple(_one(Topic, "topic", each) for each in given or ())


def _one(kind: Any, name: str, given: str) -> Any:
    try:
        return kind(given)
    except ValueError:
        raise Invalid(name, f"{given!r} is none of {', '.join(kind)}") from None
