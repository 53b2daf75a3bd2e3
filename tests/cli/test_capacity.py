"""The capacity calendar, maintenance and the four numbers from the command line."""

from datetime import timedelta

import pytest

from tests.build import NOON
from tests.cli.program import Program
from tests.cli.server import Server

SHOW = ("capacity", "show", "--sku", "h100.node", "--from", "2027-03-01", "--months", "36")


@pytest.fixture(scope="module", autouse=True)
def _signed(server: Server) -> None:
    """One block's two nodes are promised from June 2027 on, for a year."""
    from tests.app.test_capacity import day, sign

    sign(server.built, "C-1", 2, day(2027, 6, 1), day(2028, 6, 1))


def test_it_says_what_can_be_promised_over_all_of_a_time_and_on_one_fabric(
    rackrate: Program,
) -> None:
    shown = rackrate.ok(*SHOW)
    assert "From             2027-03-01 00:00:00 Asia/Shanghai" in shown
    assert "Until            2030-03-01 00:00:00 Asia/Shanghai" in shown
    assert "Can be promised  2 nodes over all of it" in shown
    assert "On one fabric    2 nodes over all of it" in shown
    heads, *rows = shown.split("\n\n")[-1].splitlines()
    assert heads.split() == ["FROM", "SUPPLY", "CONTRACT", "FREE", "ON", "ONE", "BLOCK"]
    assert [row.split()[2:5] for row in rows] == [["4", "0", "4"], ["4", "2", "2"], ["4", "0", "4"]]


def test_the_same_in_gpus_and_pflops_which_are_named(rackrate: Program) -> None:
    assert "Can be promised  16 GPUs over all of it" in rackrate.ok(*SHOW, "--unit", "gpus")
    shown = rackrate.ok(*SHOW, "--unit", "pflops")
    assert "Can be promised  15.824 PFLOPS (BF16 dense) over all of it" in shown


def test_programs_get_every_step_with_every_use(rackrate: Program) -> None:
    for asked in (("--json",), ("--output", "json")):
        answer = rackrate(*SHOW, *asked).json
        assert (answer["least"], answer["one_block"], answer["unit"]) == (2, 2, "nodes")
        assert [step["uses"]["contract"] for step in answer["steps"]] == [0, 2, 0]
        assert answer["steps"][1]["at"] == "2027-06-01T00:00:00Z"
        assert [pool["least"] for pool in answer["pools"]] in ([0, 2], [2, 0])
        held = [one for pool in answer["pools"] for one in pool["promises"]]
        assert [(one["holder"], one["nodes"], one["kind"]) for one in held] == [
            ("C-1", 2, "contract")
        ]
        assert [mark["kind"] for mark in answer["marks"]] == ["starts", "ends"]


def test_a_chart_shows_the_contract_below_what_is_free(rackrate: Program) -> None:
    shown = rackrate.ok(*SHOW, "--chart")
    lines = [line for line in shown.splitlines() if "|" in line]
    assert "█" not in lines[0] and "█" in lines[-1] and "·" in lines[-1]
    assert "█ contract" in shown and "2027-03-01" in shown and "2030-03-01" in shown


def test_a_chip_is_asked_about_in_every_shape(rackrate: Program) -> None:
    asked = ("capacity", "show", "--chip", "h100", "--site", "east", "--from", "2027-07-01")
    assert "Can be promised  2 nodes" in rackrate.ok(*asked, "--until", "2027-08-01")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "name what you ask about"),
        (("--sku", "h100.node", "--chip", "h100"), 2, "name what you ask about"),
        (("--sku", "h100.node", "--months", "3"), 2, "give --from, too"),
        (("--sku", "h100.node", "--from", "soon"), 2, "is not a day"),
        ((*SHOW[2:], "--until", "2028-01-01"), 2, "give one of them"),
        (("--sku", "nope"), 1, "[missing]"),
        (
            ("--sku", "h100.node", "--from", "2028-01-01", "--until", "2027-01-01"),
            1,
            "it ends before it begins [invalid]",
        ),
        (("--sku", "h100.node", "--site", "west"), 1, "[invalid]"),
    ],
)
def test_a_question_that_makes_no_sense_says_why(
    rackrate: Program, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = rackrate("capacity", "show", *arguments)
    assert (done.code, done.out) == (code, "")
    assert said in done.err


def test_maintenance_is_planned_listed_and_called_off(rackrate: Program) -> None:
    where = ("--pool", "east-2/h100x8", "--from", "2027-04-01", "--until", "2027-04-03")
    done = rackrate(
        "maintenance", "add", *where, "--nodes", "2", "--note", "new fans", "--output", "json"
    ).json
    listed = rackrate.ok("maintenance", "list")
    assert "2027-04-01 00:00" in listed and "new fans" in listed and done["id"] in listed
    refused = rackrate("maintenance", "add", *where, "--nodes", "1", "--note", "more fans")
    assert refused.code == 1 and "none of 1 node of east-2/h100x8" in refused.err
    assert "all from 2027-04-02 16:00 UTC" in refused.err and "[breaks_promise]" in refused.err
    said = rackrate.ok("maintenance", "remove", done["id"])
    assert "2 nodes of east-2/h100x8 can be promised again" in said
    assert rackrate.ok("maintenance", "list") == "Nothing is planned.\n"


def test_maintenance_needs_one_place(rackrate: Program) -> None:
    when = ("--nodes", "1", "--from", "2027-04-01", "--until", "2027-04-03", "--note", "x")
    assert rackrate("maintenance", "add", *when).code == 2
    assert rackrate("maintenance", "add", *when, "--pool", "p", "--site", "east").code == 2


def test_the_four_numbers_of_a_customer_and_of_a_contract(
    rackrate: Program, server: Server
) -> None:
    from tests.app.test_capacity import sign

    sign(server.built, "C-2", 1, NOON - timedelta(days=1), NOON + timedelta(days=30))
    shown = rackrate.ok("capacity", "numbers", "--customer", "robotics")
    assert shown.splitlines()[0].split() == ["DELIVERED", "HEALTHY", "RESERVED", "IN", "USE"]
    assert "together  1 (8 GPUs)  1 (8 GPUs)  1 (8 GPUs)  0 (0 GPUs)" in shown
    one = rackrate("capacity", "numbers", "--contract", "C-2", "--output", "json").json
    assert one["healthy"] == {"nodes": 1, "gpus": 8}
    assert rackrate("capacity", "numbers").code == 2
    assert rackrate("capacity", "numbers", "--contract", "nope").code == 1
