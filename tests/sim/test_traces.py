"""A trace is read whole or refused with its place; drawn jobs have the shape of the real ones."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from rackrate.core.errors import Invalid
from rackrate.sim.traces import (
    PHILLY_DAYS,
    PHILLY_GPUS,
    PHILLY_JOBS,
    PHILLY_MEDIAN_S,
    PHILLY_TENANTS,
    Job,
    draw_jobs,
    read_jobs,
)
from tests.sim.ground import philly

HEAD = "timestamp,duration,num_gpus,gpu_time,cluster\n"
GOOD = "2017-10-09 07:01:55,66.0,1,66.0,11cb48\n"


def trace(folder: Path, text: str) -> Path:
    path = folder / "jobs.csv"
    path.write_text(text)
    return path


def test_jobs_come_in_order_of_time_whatever_the_file_says(tmp_path: Path) -> None:
    later = "2017-10-09 07:01:56,5.9,8,47.2,6214e9\n"
    assert read_jobs(trace(tmp_path, HEAD + later + GOOD)) == [
        Job(datetime(2017, 10, 9, 7, 1, 55, tzinfo=UTC), 66, 1, "11cb48"),
        Job(datetime(2017, 10, 9, 7, 1, 56, tzinfo=UTC), 5, 8, "6214e9"),
    ]


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("", "jobs.csv:1", "'timestamp' is missing"),
        (HEAD, "jobs.csv", "no job"),
        (HEAD.replace("num_gpus", "gpus") + GOOD, "jobs.csv:1", "'num_gpus' is missing"),
        (HEAD + GOOD + "2017-10-09 07:0", "jobs.csv:3", "cut off"),
        (HEAD + GOOD + GOOD.rstrip("\n"), "jobs.csv:3", "cut off"),
        (HEAD + GOOD.replace(",1,", ",one,"), "jobs.csv:2", "invalid literal"),
        (HEAD + GOOD.replace(",1,", ",0,"), "jobs.csv:2", "0 GPUs"),
        (HEAD + GOOD.replace(",1,", ",-4,"), "jobs.csv:2", "-4 GPUs"),
        (HEAD + GOOD.replace("66.0,1", "-1,1"), "jobs.csv:2", "for -1 s"),
        (HEAD + GOOD.replace("66.0,1", "nan,1"), "jobs.csv:2", "for nan s"),
        (HEAD + GOOD.replace("66.0,1", "1e99,1"), "jobs.csv:2", "cannot be"),
        (HEAD + GOOD.replace("10-09", "13-09"), "jobs.csv:2", "month must be in"),
        (HEAD + GOOD.replace("2017-10-09 07:01:55", "yesterday"), "jobs.csv:2", "not a time"),
        (HEAD + GOOD.replace("11cb48", "Not A Name"), "jobs.csv:2", "not a name"),
    ],
)
def test_a_bad_trace_is_refused_with_its_line(
    tmp_path: Path, text: str, where: str, what: str
) -> None:
    with pytest.raises(Invalid) as refused:
        read_jobs(trace(tmp_path, text))
    assert refused.value.detail.startswith(f"{where}:"), refused.value.detail
    assert what in refused.value.detail


def test_the_real_trace_has_the_shape_that_is_drawn_from() -> None:
    jobs = read_jobs(philly())
    assert len(jobs) == PHILLY_JOBS
    assert Counter(job.gpus for job in jobs) == dict(PHILLY_GPUS)
    tenants = Counter(job.tenant for job in jobs)
    assert {tenant: tenants[tenant] for tenant, _ in PHILLY_TENANTS} == dict(PHILLY_TENANTS)
    assert abs(float(np.median([job.seconds for job in jobs])) - PHILLY_MEDIAN_S) <= 1
    assert abs((jobs[-1].at - jobs[0].at).total_seconds() / 86_400 - PHILLY_DAYS) < 0.1


def test_drawn_jobs_have_the_shares_and_the_rate_of_the_trace() -> None:
    jobs = draw_jobs(20_000, 1)
    assert [job.at for job in jobs] == sorted(job.at for job in jobs)
    gpus, tenants = Counter(job.gpus for job in jobs), Counter(job.tenant for job in jobs)
    for shares, drawn in ((dict(PHILLY_GPUS), gpus), (dict(PHILLY_TENANTS), tenants)):
        whole = sum(shares.values())
        for what, weight in shares.items():
            assert abs(drawn[what] / len(jobs) - weight / whole) < 0.01, what  # type: ignore[index]
    assert np.median([job.seconds for job in jobs]) == pytest.approx(PHILLY_MEDIAN_S, rel=0.05)
    days = (jobs[-1].at - jobs[0].at).total_seconds() / 86_400
    assert days == pytest.approx(PHILLY_DAYS * 20_000 / PHILLY_JOBS, rel=0.1)


@pytest.mark.parametrize("count", [0, -1, 10_000_001])
def test_too_few_or_too_many_jobs_cannot_be_drawn(count: int) -> None:
    with pytest.raises(Invalid):
        draw_jobs(count, 1)
