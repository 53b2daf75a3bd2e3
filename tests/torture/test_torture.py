"""Twelve kills in every run of the tests; `make torture` does a thousand."""

from pathlib import Path

from tests.torture.run import torture

KILLS = 12


def test_nothing_is_lost_or_done_twice_when_everything_is_killed_at_random(tmp_path: Path) -> None:
    seed = 20261122
    story = torture(tmp_path, KILLS, seed)
    assert sum(story.kills.values()) == KILLS
    assert len(story.started) >= KILLS // 2, f"seed {seed} started too little to mean anything"
