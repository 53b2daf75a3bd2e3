"""What is wrong with a file is told with its line and what would be right; nothing is applied."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackrate.core.calendar import Claim, HolderKind
from rackrate.core.errors import Invalid, Refused
from rackrate.core.ids import NodeId, SiteId
from rackrate.core.interval import Span
from rackrate.core.inventory import Sku
from rackrate.core.lease import LeaseClass
from rackrate.core.parties import Customer
from rackrate.core.pricing import Price
from rackrate.core.slots import all_slots
from tests.app.operator_files import CONTRACT, everything, refusal, rows
from tests.build import CUSTOMERS, NOON, SMALL, build

# -- what is refused ----------------------------------------------------------------------------

ONE_FIELD = [
    ("gpus: 8", "gpu: 8", "unknown field `gpu`; did you mean 'gpus'?"),
    ("gpus: 8", "gpus: eight", "`gpus` is wrong: 'eight' is not a whole number"),
    ("gpus: 8", "gpus: 010", "`gpus` is wrong: '010' is not a whole number; write 10"),
    ("gpus: 8", "gpus: 0x8", "`gpus` is wrong: '0x8' is not a whole number"),
    ("gpus: 8", "gpus: 8.0", "`gpus` is wrong: '8.0' is not a whole number"),
    ("gpus: 8", "gpus: 1_000", "`gpus` is wrong: '1_000' is not a whole number; write 1000"),
    ("gpus: 8", "gpus: -8", "`gpus` is wrong: -8 is not from 1 to 1,024"),
    ("gpus: 8", "gpus: 99999999", "`gpus` is wrong: 99,999,999 is not from 1 to 1,024"),
    ("gpus: 8", "gpus: [8]", "`gpus` must be one value, not a list"),
    ("gpus: 8", "gpus: {a: 8}", "`gpus` must be one value, not a mapping"),
    ("count: 4", "count: -4", "`count` is wrong: -4 is not from 1 to 20,000"),
    ("count: 4", "count: 10000000", "`count` is wrong: 10,000,000 is not from 1 to 20,000"),
    ("simulated: true", "simulated: yes", "`simulated` is wrong: 'yes' is neither true nor false"),
    ("simulated: true", "simulated: on", "`simulated` is wrong: 'on' is neither true nor false"),
    ("simulated: true", "simulated: false", "`simulated` must be true with `engine: sim`"),
    ("engine: sim", "engine: simm", "`engine` is wrong: 'simm' is unknown; did you mean 'sim'?"),
    ("{on_demand: 17.00,", "{on_demand: 1:30,", "'1:30' is not a decimal such as 17.00; a colon"),
    ("{on_demand: 17.00,", "{on_demand: 1e3,", "'1e3' is not a decimal such as 17.00"),
    ("{on_demand: 17.00,", "{on_demand: .inf,", "'.inf' is not a decimal such as 17.00"),
    ("{on_demand: 17.00,", "{on_demand: -1,", "-1 is not from 0 to"),
    ("{on_demand: 17.00,", '{on_demand: "1,000.00",', "'1,000.00' is not a decimal such as"),
    ("{on_demand: 17.00,", "{ondemand: 17.00,", "`per_slot_hour.h100.1.ondemand`; did you mean"),
    ("effective: 2026-01-01", "effective: 2026-02-30", "'2026-02-30' is not a date such as"),
    ("effective: 2026-01-01", "effective: 01/02/2026", "'01/02/2026' is not a date such as"),
    ("time_zone: Asia/Shanghai", "time_zone: Asia/Peking", "unknown time zone 'Asia/Peking'"),
    ("time_zone: Asia/Shanghai", "time_zone: ../../etc/passwd", "unknown time zone"),
    ("currency: CNY", "currency: RMB", "unknown currency 'RMB'; known: AED"),
    ("country: CN", "country: no", "'no' is not two capital letters of ISO 3166, such as CN"),
    ("output_tax: cn-service-6", "output_tax: cn-service", "did you mean 'cn-service-6'?"),
    ("confidence: secondary", "confidence: sure", "`confidence` is wrong: 'sure' is unknown"),
    ("name: h100-{:03}", "name: h100", "`name` needs a place for the number, as h100-{:03}"),
    ("name: h100-{:03}", "name: H100-{:03}", "'H100-001' is not a name"),
    ("block: east-{}", "block: east-1", "`block` needs a number, as east-1-{}"),
    ("nodes_per_block: 2", "nodes_per_block: 1", "no block is called 'east-3'; did you mean"),
    ("title: H100, one GPU", "title:", "`title` is empty"),
    ("title: H100, one GPU", 'title: "a\\tb"', "`title` must be one line of at most 500"),
    ("kind: sku", "kind: skus", "`kind` is wrong: 'skus' is unknown; did you mean 'sku'?"),
    ("  h100.1:", "  h100.2:", "`per_slot_hour`: no sku is called 'h100.2'; did you mean 'h100"),
    ("chip: h100", "chip: h1000", "`chip`: no chip is called 'h1000'; did you mean 'h100'?"),
    ("entity: example", "entity: exmple", "no entity is called 'exmple'; did you mean 'example'?"),
    ("slots: 8", "slots: 4", "`slots` must be a whole h100 node of site east: 8"),
    ("slots: 1\n", "slots: 9\n", "no h100 node at site east has 9 slots; they have 8"),
    ("invoice_series: EX", "invoice_series: ex-1", "`invoice_series` is wrong: 'ex-1'"),
    ("cpus: 24\n", "cpus: 0.0001\n", "`cpus` is wrong: 0.0001 is not from 0.001"),
]


@pytest.mark.parametrize(("right", "wrong", "said"), ONE_FIELD, ids=[each[1] for each in ONE_FIELD])
def test_a_wrong_field_is_refused_with_its_line_and_what_would_be_right(
    right: str, wrong: str, said: str
) -> None:
    text = SMALL.replace(right, wrong, 1)
    assert text != SMALL
    told = refusal(build(), text)
    assert said in told
    before, after = SMALL.split(right, 1)
    first = before[: before.rfind("---") + 1].count("\n") + 1
    last = len(before.split("\n")) + after.split("---")[0].count("\n")
    places = {f"1.yaml:{line}: " for line in range(first, last + 1)}
    assert any(place in told for place in places), told


DAMAGE = st.one_of(
    st.text(max_size=6),
    st.sampled_from(["---\n", ": ", "\n  ", "{", "[", "&a ", "*a", "!!int ", "-", "0", "~"]),
    st.sampled_from(["99999999999999999999", "{:099}", "{:09}", "count: 200\n", "2026-13-01"]),
)
STRUCTURE = [
    ("kind: [", "not YAML: "),
    ("kind: site\n\tname: x\n", "not YAML: "),
    ("- kind: site\n", "a document begins with its kind, as `kind: site`"),
    ("site\n", "a document begins with its kind"),
    ("name: x\n", "`kind` is missing"),
    ("kind: &a site\n", "anchors (&) and aliases (*) are not read; write it out"),
    ("a: [x]\nkind: *a\n", "1.yaml:2: anchors (&) and aliases (*) are not read"),
    ("kind: !!python/object/apply:os.system ['id']\n", "tags such as tag:yaml.org,2002:python"),
    ("kind: site\nkind: site\n", "'kind' is written twice, first in line 1"),
    ("? [a, b]\n: c\n", "a field's name must be a plain word"),
    ("kind: " + "[" * 40 + "]" * 40, "nested more than 12 deep"),
    ("kind: \x00\n", "not text: it has a character that YAML forbids"),
    ("kind: \ud800\n", "not text: it has a character that YAML forbids"),
    ("x: [" + "1," * 250_000 + "]", "more than 200,000 values"),
    ("#" * 10_000_001, "larger than 10 MB; split the file"),
]


@pytest.mark.parametrize(("text", "said"), STRUCTURE, ids=[text[:24] for text, _ in STRUCTURE])
def test_a_file_that_is_not_plain_yaml_is_refused(text: str, said: str) -> None:
    assert said in refusal(build(), text)


def test_a_thousand_lols_cost_nothing() -> None:
    text = "a: &a [lol, lol]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
    )
    assert refusal(build(), text).startswith("1.yaml:1: anchors")


def test_every_mistake_of_every_file_is_told_at_once() -> None:
    built = build()
    with pytest.raises(Invalid) as caught:
        built.apply(
            SMALL.replace("gpus: 8", "gpu: 8"),
            CUSTOMERS.replace("customer: studio", "customer: stdio"),
        )
    said = caught.value.detail.split("\n")
    assert said[0] == "3 mistakes; nothing is applied"
    assert said[1:] == [
        "1.yaml:35: `gpus` is missing",
        "1.yaml:42: unknown field `gpu`; did you mean 'gpus'?",
        "2.yaml:26: `customer`: no customer is called 'stdio'; did you mean 'studio'?",
    ]
    assert caught.value.where == "1.yaml:35"
    problems: Any = caught.value.facts["problems"]
    assert problems[0]["line"] == 35


def test_a_contract_that_no_one_may_sign_is_refused_with_its_place() -> None:
    told = refusal(build(SMALL, CUSTOMERS), CONTRACT.replace("2029-01-01", "2099-01-01"))
    assert told == "1.yaml:2: until: a contract runs for at most 30 years"


def test_a_name_that_is_there_twice_is_refused_with_both_places() -> None:
    told = refusal(build(), SMALL, "kind: site\n" + SMALL.split("kind: site\n")[1].split("---")[0])
    assert told == "2.yaml:1: site 'east' is there twice, first at 1.yaml:11; leave one of them out"


def test_text_means_what_is_written_and_not_what_yaml_would_make_of_it() -> None:
    built = build(SMALL.replace("title: H100, one GPU", "title: no"))
    sku = rows(built, Sku)["h100.1"]
    assert sku.name == "no"
    built.apply(
        CUSTOMERS.replace("country: CN", "country: NO").replace(
            "time_zone:", "tax_id: 0777\ntime_zone:"
        )
    )
    customer = rows(built, Customer)["robotics"]
    assert (customer.country, customer.tax_id) == ("NO", "0777")


def test_a_price_is_exact_to_its_last_digit_quoted_or_not() -> None:
    built = build(SMALL.replace("17.00", "0.100000000001").replace("8.50", '"8.50"'))
    rates = {
        price.klass: str(price.amount)
        for price in rows(built, Price).values()
        if price.sku == "h100.1"
    }
    assert rates == {LeaseClass.ON_DEMAND: "0.100000000001", LeaseClass.SPOT: "8.50"}


def test_an_amount_finer_than_its_currency_is_refused() -> None:
    told = refusal(build(), SMALL, CUSTOMERS, CONTRACT.replace("140000.00", "140000.005"))
    assert told == "3.yaml:12: `monthly` is wrong: 140000.005 has more than 2 decimals of CNY"


# -- what may not change any more ---------------------------------------------------------------


def test_a_price_is_never_edited_only_superseded() -> None:
    told = refusal(build(SMALL), SMALL.replace("17.00", "15.00"))
    assert "h100.1 already has a on_demand price of 17.00 CNY from 2025-12-31 16:00 UTC" in told
    assert "supersede it with a later `effective`" in told


def test_a_price_cannot_begin_in_the_past_of_one_that_was_in_force() -> None:
    told = refusal(build(SMALL), SMALL.replace("2026-01-01", "2026-06-01"))
    assert "a price that supersedes it is effective after now, 2026-11-22 12:00 UTC" in told


def test_a_signed_contract_is_not_edited() -> None:
    built = build(SMALL, CUSTOMERS, CONTRACT)
    told = refusal(built, CONTRACT.replace("140000.00", "1.00"))
    assert "contract 'robotics-2026' is signed, and differs in commitments" in told


def test_a_node_in_use_keeps_its_shape() -> None:
    built = build(SMALL)
    claim = Claim(
        "c1",
        SiteId("east"),
        NodeId("h100-001"),
        all_slots(1),
        Span(NOON),
        HolderKind.CLEANING,
        "x",
    )
    with built.world.store.transaction() as tx:
        tx.add(claim)
    text = SMALL.replace("gpus: 8", "gpus: 4").replace("slots: 8", "slots: 4")
    told = refusal(built, text.split("---\nkind: sku")[0])
    assert told.startswith("1.yaml:35: `gpus` of 'h100-001' cannot change: the node is in use")


def test_a_pool_keeps_the_nodes_that_it_has_promised() -> None:
    built = build(SMALL, CUSTOMERS, CONTRACT)
    told = refusal(built, SMALL.split("---\nkind: sku")[0].replace("gpus: 8", "gpus: 4"))
    assert "leaves 0 nodes in pool east-1/h100x8, of which more are promised" in told


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("currency: CNY\ninvoice", "currency: USD\ninvoice", "`currency` of 'example' cannot"),
        ("slots: 1\n", "slots: 2\n", "`slots` of 'h100.1' cannot change: it has a price"),
        ("entity: example\n", "entity: other\n", "`entity` of 'east' cannot change: make a new"),
    ],
)
def test_what_money_rests_on_cannot_change(right: str, wrong: str, said: str) -> None:
    other = SMALL.split("---")[0].replace("name: example", "name: other").replace("EX", "OT")
    built = build(SMALL, CUSTOMERS, CONTRACT)
    built.apply(other)
    assert said in refusal(built, SMALL.replace(right, wrong, 1))


def test_files_that_contradict_each_other_are_refused() -> None:
    told = refusal(build(SMALL, CUSTOMERS), CONTRACT.replace("h100.node", "h100.1"))
    assert told == "1.yaml:2: sku 'h100.1' is not whole nodes, which is what contracts are for"
    member = "kind: member\nemail: a@b.example\nrole: member\ncustomer: studio\nproject: {}\n"
    told = refusal(build(SMALL, CUSTOMERS), member.format("robotics-train"))
    assert told == "1.yaml:1: project 'robotics-train' belongs to 'robotics', not to 'studio'"
    told = refusal(build(SMALL, CUSTOMERS), member.format("").replace("project: \n", ""))
    assert "`role` is wrong: member is granted on a `project` of a `customer`, not on a" in told


@given(st.data())
def test_a_damaged_file_is_refused_and_never_breaks_anything(data: st.DataObject) -> None:
    text = SMALL + "---" + CUSTOMERS + "---" + CONTRACT
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 12)))
        text = text[:start] + data.draw(DAMAGE) + text[end:]
    built = build()
    before = everything(built)
    told = ""
    try:
        built.apply(text)
    except (Invalid, Refused) as error:
        told = error.detail
    if told:
        assert "1.yaml:" in told
        assert everything(built) == before
