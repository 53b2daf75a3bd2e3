"""What must be told: who hears of it, how often it is tried, and what it says in which language."""

from datetime import UTC, datetime, timedelta
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackrate.core.ids import CustomerId
from rackrate.core.outbox import (
    FOR_CUSTOMERS,
    FOR_OPERATORS,
    GIVE_UP,
    Channel,
    Language,
    Medium,
    Notification,
    Reader,
    Sending,
    State,
    Topic,
    letter,
    pause,
    route,
    standing,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ACME, BOLT = CustomerId("acme"), CustomerId("bolt")
INVOICE = {
    "invoice": "EX-2026-000004",
    "month": "2026-10",
    "net": "1164.62",
    "tax": "69.88",
    "amount": "1234.50",
    "currency": "CNY",
    "due": "2026-12-16T16:00:00+00:00",
}
BUDGET = {
    "budget": "acme:acme-work",
    "month": "2026-11",
    "percent": "104",
    "spent": "1040.00",
    "amount": "1000.00",
    "currency": "CNY",
    "until": "2026-11-29T16:00:00+00:00",
    "leases": "lse_1 lse_2",
}
WALLET = {
    "wallet": "acme",
    "left": "12.50",
    "hourly": "18.02",
    "hours": "3",
    "currency": "CNY",
    "until": "2026-11-29T16:00:00+00:00",
    "kept": "2026-12-29T16:00:00+00:00",
    "leases": "lse_1 lse_2",
    "count": "2",
}
FACTS = {
    Topic.INVOICE_ISSUED: INVOICE,
    Topic.CREDIT_NOTE_ISSUED: INVOICE,
    Topic.INVOICE_OVERDUE: INVOICE,
    Topic.LEASE_NOTICE: {
        "leases": "lse_1 lse_2",
        "count": "2",
        "until": "2026-11-29T16:00:00+00:00",
        "cause": "its nodes are promised to others from then",
    },
    Topic.LEASE_NOTICE_WITHDRAWN: {
        "leases": "lse_1",
        "count": "1",
        "cause": "its nodes are not needed after all",
    },
    Topic.BUDGET_REACHED: BUDGET,
    Topic.BUDGET_STOPS: BUDGET,
    Topic.BUDGET_STOPPED: BUDGET,
    Topic.PRICE_ENDS: {
        "sku": "h100.1",
        "class": "on_demand",
        "now": "0.00 CNY per slot-hour",
        "then": "17.00 CNY per slot-hour",
        "until": "2026-11-29T16:00:00+00:00",
        "leases": "lse_1",
        "count": "1",
    },
    Topic.WALLET_LOW: WALLET,
    Topic.WALLET_EMPTY: WALLET,
    Topic.WALLET_REFILLED: WALLET,
    Topic.WALLET_STOPPED: WALLET,
    Topic.WALLET_ENDING: WALLET,
    Topic.WALLET_ENDED: WALLET,
    Topic.PREPAYMENT_LOW: {
        "contract": "ctr_1",
        "left": "1200.00",
        "prepaid": "7200.00",
        "currency": "CNY",
    },
    Topic.PROMISE_BROKEN: {
        "site": "east",
        "count": "1",
        "breaches": "brc_1",
        "holders": "ctr_1",
        "nodes": "4",
        "start": "2027-01-01T00:00:00+00:00",
        "end": "2027-02-01T00:00:00+00:00",
        "cause": "4 nodes of po-1 batch 1 did not come by 2027-01-01",
    },
    Topic.CHANNEL_TEST: {"channel": "chn_1", "who": "kim@example.com"},
}


def channel(id: str, customer: CustomerId | None, *topics: Topic) -> Channel:
    return Channel(id, customer, Medium.EMAIL, "a@example.com", "", Language.EN, topics, NOON)


def told(topic: Topic = Topic.INVOICE_ISSUED, customer: CustomerId | None = ACME) -> Notification:
    return Notification("ntf_1", NOON, topic, customer, "cause", FACTS[topic])


def sending(customer: CustomerId | None = ACME) -> Sending:
    return Sending(
        "ntf_1-chn_1", "ntf_1", "chn_1", customer, Medium.EMAIL, "a@example.com", NOON, NOON
    )


def test_one_hears_of_what_one_chose_and_of_nothing_of_others() -> None:
    channels = [
        channel("chosen", ACME, Topic.INVOICE_ISSUED, Topic.LEASE_NOTICE),
        channel("other topic", ACME, Topic.LEASE_NOTICE),
        channel("other customer", BOLT, Topic.INVOICE_ISSUED),
        channel("operator", None, Topic.INVOICE_ISSUED),
        channel("fleet", None, Topic.PROMISE_BROKEN),
    ]
    found = route(told(), channels, {Medium.EMAIL}, NOON)
    assert [each.channel for each in found] == ["chosen", "operator"]
    assert len({each.id for each in found}) == 2
    broken = route(told(Topic.PROMISE_BROKEN, None), channels, {Medium.EMAIL}, NOON)
    assert [each.channel for each in broken] == ["fleet"]
    assert route(told(), channels, {Medium.WEBHOOK}, NOON) == ()


def test_a_test_goes_to_the_channel_that_is_tested_and_nowhere_else() -> None:
    channels = [channel("chn_1", ACME, Topic.LEASE_NOTICE), channel("chn_2", ACME, *FOR_CUSTOMERS)]
    found = route(told(Topic.CHANNEL_TEST), channels, {Medium.EMAIL}, NOON)
    assert [each.channel for each in found] == ["chn_1"]


def test_pauses_grow_threefold_from_seconds_to_two_hours() -> None:
    assert [pause(tries).total_seconds() for tries in range(1, 9)] == [
        10, 30, 90, 270, 810, 2430, 7200, 7200,
    ]  # fmt: skip
    assert pause(10_000) == timedelta(hours=2)


@given(st.lists(st.integers(0, 4000), min_size=1, max_size=5))
def test_whatever_goes_wrong_is_tried_until_three_days_are_over_and_then_given_up(
    late: list[int],
) -> None:
    """However late each try is made, `late` seconds after it was due."""
    one, delays = sending(), cycle(late)
    while one.due is not None:
        assert one.attempts < 50
        now = one.due + timedelta(seconds=next(delays))
        begun = one.begun(now)
        assert begun.due is not None and begun.due > now
        assert begun.id == one.id and begun.attempts == one.attempts + 1
        one = begun.failed(now, "no", for_good=False)
        assert (one.state is State.DEAD) == (now >= one.since + GIVE_UP)
    assert one.again(NOON).due == NOON and one.again(NOON).id == one.id


def test_what_arrived_or_never_will_is_not_tried_again() -> None:
    begun = sending().begun(NOON)
    assert begun.done(NOON).state is State.SENT and not begun.done(NOON).waiting
    assert begun.failed(NOON, "550 no such mailbox", for_good=True).state is State.DEAD


def test_a_notification_stands_as_its_own_readers_sendings_do() -> None:
    waiting, begun = sending(), sending().begun(NOON)
    copy = sending(None).begun(NOON).done(NOON)
    assert standing(told(), []).state is State.NO_CHANNEL
    assert standing(told(), [copy]).state is State.NO_CHANNEL
    assert standing(told(), [copy, waiting]).state is State.WAITING
    assert standing(told(), [begun.done(NOON)]).state is State.SENT
    dead = begun.failed(NOON, "no", for_good=True)
    assert standing(told(), [begun.done(NOON), dead]).state is State.DEAD


@pytest.mark.parametrize(
    ("medium", "address", "shown"),
    [
        (Medium.EMAIL, "kim@example.com", "kim@example.com"),
        (Medium.WEBHOOK, "https://example.com/in/7?key=abc", "https://example.com/in/7?…"),
        (Medium.SLACK, "https://hooks.example.com/services/T0/B0/x", "https://hooks.example.com/…"),
        (Medium.WECOM, "https://chat.example.com:8443/send?key=x", "https://chat.example.com:8443/…"),
    ],
)  # fmt: skip
def test_an_address_is_shown_without_what_opens_it(
    medium: Medium, address: str, shown: str
) -> None:
    made = Channel("c", ACME, medium, address, "", Language.EN, FOR_CUSTOMERS, NOON)
    assert made.shown == shown


@pytest.mark.parametrize(
    ("medium", "address", "topics", "secret"),
    [
        (Medium.EMAIL, "kim", FOR_CUSTOMERS, ""),
        (Medium.EMAIL, "kim@example.com\nBcc: all@example.com", FOR_CUSTOMERS, ""),
        (Medium.WEBHOOK, "ftp://example.com/", FOR_CUSTOMERS, ""),
        (Medium.WEBHOOK, "https://user:password@example.com/", FOR_CUSTOMERS, ""),
        (Medium.WEBHOOK, "https://example.com/" + "x" * 2000, FOR_CUSTOMERS, ""),
        (Medium.WEBHOOK, "https://example.com/", (), ""),
        (Medium.WEBHOOK, "https://example.com/", (Topic.PROMISE_BROKEN,), ""),
        (Medium.SLACK, "https://example.com/", FOR_CUSTOMERS, "a secret"),
    ],
)
def test_what_is_no_channel_of_a_customer_is_refused(
    medium: Medium, address: str, topics: tuple[Topic, ...], secret: str
) -> None:
    with pytest.raises(ValueError, match=r"no e-mail|no address|choose from|takes no secret"):
        Channel("c", ACME, medium, address, secret, Language.EN, topics, NOON)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("topic", Topic)
def test_every_topic_has_words_in_every_language(topic: Topic, language: Language) -> None:
    reader = Reader(language, "Asia/Shanghai", "Example Compute", "https://cloud.example.com/")
    made = letter(told(topic), sending(), reader, NOON)
    assert "{" not in made.subject + made.said and made.subject and made.said
    chinese = any("一" <= char <= "龥" for char in made.subject)
    assert chinese == (language is Language.ZH)
    assert set(FOR_OPERATORS) | {Topic.CHANNEL_TEST} == set(Topic)


def test_an_invoice_is_told_in_the_readers_zone_with_its_figures_and_a_way_to_it() -> None:
    reader = Reader(Language.EN, "Asia/Shanghai", "Example Compute", "https://cloud.example.com/")
    made = letter(told(), sending(), reader, NOON)
    assert made.subject == "Invoice EX-2026-000004: 1,234.50 CNY, due 2026-12-17"
    assert made.text == (
        "Invoice EX-2026-000004 over 1,234.50 CNY has been issued. It is due on 2026-12-17.\n\n"
        "Invoice: EX-2026-000004\nMonth: 2026-10\nNet: 1,164.62 CNY\nTax: 69.88 CNY\n"
        "Amount: 1,234.50 CNY\nDue: 2026-12-17\n\n"
        "https://cloud.example.com/invoices/EX-2026-000004\n\nExample Compute\n"
    )
    assert made.data["amount"] == "1234.50"


def test_the_operators_copy_says_whose_it_is_and_a_customer_knows_that() -> None:
    for operator in (False, True):
        reader = Reader(Language.EN, "UTC", "Example Compute", "", operator)
        made = letter(told(), sending(), reader, NOON)
        assert (("Customer", "acme") in made.facts) == operator
        assert made.data["customer"] == "acme"


def test_a_notice_is_told_in_chinese_with_all_its_leases() -> None:
    reader = Reader(Language.ZH, "Asia/Shanghai", "示例算力")
    made = letter(told(Topic.LEASE_NOTICE), sending(), reader, NOON)
    assert made.subject == "2 个租约将于 2026-11-30 00:00 结束"
    assert (
        "租约：lse_1、lse_2\n截止：2026-11-30 00:00\n原因：其节点自该时起已承诺给他人" in made.text
    )
    assert made.data["leases"] == ["lse_1", "lse_2"]
    assert made.link == ""


def test_what_a_program_wrote_is_never_markup() -> None:
    facts = {**FACTS[Topic.PROMISE_BROKEN], "cause": "<script>alert(1)</script>"}
    row = Notification("ntf_1", NOON, Topic.PROMISE_BROKEN, None, "cause", facts)
    reader = Reader(Language.EN, "UTC", "A & B")
    made = letter(row, sending(), reader, NOON)
    assert "<script>" not in made.html and "A &amp; B" in made.html
