"""Replay, plan and advice from the command line: they need no server."""

import json
from pathlib import Path

import pytest

from tests.cli.program import Program

EXAMPLES = Path(__file__).parents[2] / "examples"
SMALL_FLEET = str(EXAMPLES / "fleets" / "philly-60.yaml")
DRAWN = ("replay", "--synthetic", "--jobs", "300", "--fleet", SMALL_FLEET)
PLAN = str(EXAMPLES / "plans" / "ten-thousand-cards.yaml")
ADVICE = str(EXAMPLES / "advice" / "rent-or-own.yaml")


def test_a_drawn_replay_reports_use_money_and_books(nobody: Program) -> None:
    said = nobody.ok(*DRAWN)
    assert "300 drawn jobs (not real), seed 1, on 480 simulated GPUs" in said
    assert "2026-01" in said and "gpu.1" in said and said.endswith("The books balance.\n")


def test_a_replay_for_programs_can_be_repeated_to_the_letter(nobody: Program) -> None:
    first, second = nobody.ok(*DRAWN, "-o", "json"), nobody.ok(*DRAWN, "-o", "json")
    assert first == second
    report = json.loads(first)
    assert report["simulated"] is True and report["balanced"] is True
    assert report["jobs"] == report["started"] + report["refused"] == 300
    assert report["start"].endswith("Z")
    assert report["revenue_by_sku"][0]["net"]["currency"] == "CNY"
    other = nobody(*DRAWN, "--seed", "2", "-o", "json").json
    assert other["gpu_hours"] != report["gpu_hours"]


def test_a_replay_can_be_kept_as_a_page_that_needs_nothing_else(
    nobody: Program, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    nobody.ok(*DRAWN, "--html", str(file))
    page = file.read_text()
    assert page.startswith("<!doctype html>") and "<svg" in page and "The books balance." in page
    assert "http" not in page and "<script" not in page


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "trace.csv:1: the column 'timestamp' is missing"),
        ("timestamp,duration,num_gpus,cluster\n2017-10-03 00:00:00,5.0,1", "cut off"),
        ("timestamp,duration,num_gpus,cluster\n2017-10-03 00:00:00,5.0,-1,a\n", "trace.csv:2"),
        ("timestamp,duration,num_gpus,cluster\nyesterday,5.0,1,a\n", "trace.csv:2"),
    ],
)
def test_a_damaged_trace_is_refused_with_its_line(
    nobody: Program, tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "trace.csv"
    file.write_text(text)
    done = nobody("replay", str(file), "--fleet", SMALL_FLEET)
    assert (done.code, done.out) == (1, "")
    assert said in done.err and "[invalid]" in done.err


def test_a_replay_wants_a_trace_or_one_to_be_drawn(nobody: Program) -> None:
    assert nobody("replay").code == 2
    assert nobody("replay", "trace.csv", "--synthetic").code == 2
    done = nobody("replay", "--synthetic", "--jobs", "3", "--fleet", "nowhere.yaml")
    assert done.code == 1 and "nowhere.yaml cannot be read" in done.err


def test_a_plan_shows_every_scenario_by_year_and_what_its_source_says(nobody: Program) -> None:
    said = nobody.ok("plan", "run", PLAN)
    for word in ("Scenario mid", "SIDE BY SIDE", "DSCR", "Payback", "inconsistent", "C13"):
        assert word in said
    assert "DO NOT BALANCE" not in said


def test_a_plan_for_programs_adds_up(nobody: Program) -> None:
    plan = nobody("plan", "run", PLAN, "--scenario", "mid", "-o", "json").json
    assert plan["sample"] is True and list(plan["scenarios"]) == ["mid"]
    mid = plan["scenarios"]["mid"]
    assert mid["invoices"] == 60 and mid["books_balance"] is True
    assert sum(float(year["profit"]["amount"]) for year in mid["years"]) == pytest.approx(
        float(mid["profit"]["amount"])
    )
    assert [row["id"] for row in plan["evidence"]] == [f"C{n}" for n in range(1, 14)]


def test_a_plan_that_is_wrong_says_where(nobody: Program, tmp_path: Path) -> None:
    assert "has no scenario 'no': mid, low" in nobody("plan", "run", PLAN, "--scenario", "no").err
    file = tmp_path / "plan.yaml"
    file.write_text(Path(PLAN).read_text().replace("servers: 1024", "servers: many"))
    assert "cluster.servers" in nobody("plan", "run", str(file)).err
    file.write_text("a: [1,\n")
    done = nobody("plan", "run", str(file))
    assert done.code == 1 and f"{file}:2: not YAML" in done.err
    assert nobody("plan", "run", str(tmp_path / "no.yaml")).code == 1


def test_advice_says_rent_or_own_and_where_it_turns_round(nobody: Program) -> None:
    said = nobody.ok("advise", ADVICE)
    assert "Owning is cheaper." in said and "67.2%" in said
    assert "R6: inconsistent, and turns the conclusion round" in said
    advice = nobody("advise", ADVICE, "--output", "json").json
    assert advice["conclusion"] == "own" and advice["comparisons"][0]["cheaper"] == "own"
