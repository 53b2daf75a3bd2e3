"""Demand: jobs from a trace file, or drawn from a seed to a trace's published shape."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from pathlib import Path

import numpy as np

from rackrate.core.errors import Invalid
from rackrate.core.ids import is_name

COLUMNS = ("timestamp", "duration", "num_gpus", "cluster")
LONGEST_S = 10 * 366 * 86_400
MOST_GPUS = 1_000_000


@dataclass(frozen=True, slots=True, order=True)
class Job:
    """Somebody's wish for `gpus` GPUs for `seconds` from `at` on. `tenant` is who."""

    at: datetime
    seconds: int
    gpus: int
    tenant: str


def read_jobs(path: Path) -> list[Job]:
    """Jobs in order of time, from a CSV with the columns of the Philly trace.

    Timestamps have no zone there and are taken as UTC. Invalid names the file and line of what is
    wrong: a trace that is cut off is refused, not half run.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.reader(file)
            header = next(rows, [])
            missing = [name for name in COLUMNS if name not in header]
            if missing:
                raise Invalid(f"{path.name}:1", f"the column {missing[0]!r} is missing")
            places = [header.index(name) for name in COLUMNS]
            jobs = [
                _job([row[i] if i < len(row) else None for i in places], path, rows.line_num)
                for row in rows
                if row
            ]
        if not _ends_with_newline(path):
            raise Invalid(f"{path.name}:{rows.line_num}", "the last line is cut off")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Invalid(path.name, f"cannot be read: {error}") from None
    if not jobs:
        raise Invalid(path.name, "there is no job in it")
    jobs.sort(key=attrgetter("at", "seconds", "gpus", "tenant"))
    return jobs


def _job(values: Sequence[str | None], path: Path, line: int) -> Job:
    """The job in one line. `path` and `line` are where that is, should it be wrong."""
    timestamp, duration, gpus, tenant = values
    if timestamp is None or duration is None or gpus is None or tenant is None:
        raise Invalid(f"{path.name}:{line}", "the line is cut off")
    try:
        at, seconds, count = _instant(timestamp), float(duration), int(gpus)
    except ValueError as error:
        raise Invalid(f"{path.name}:{line}", str(error)) from None
    if not 0 <= seconds <= LONGEST_S or not 1 <= count <= MOST_GPUS:
        raise Invalid(f"{path.name}:{line}", f"a job of {gpus} GPUs for {duration} s cannot be")
    if not _names_a_tenant(tenant):
        text = f"{tenant!r} is not a name of a-z, 0-9, dot and dash"
        raise Invalid(f"{path.name}:{line}", text)
    return Job(at, int(seconds), count, tenant)


_names_a_tenant = lru_cache(maxsize=65_536)(is_name)


def _instant(text: str) -> datetime:
    """From `2017-10-09 07:01:55`, which the trace says without a zone."""
    if len(text) != len("2017-10-09 07:01:55") or text[10] != " ":
        raise ValueError(f"{text!r} is not a time such as 2017-10-09 07:01:55")
    return datetime.fromisoformat(text + "+00:00")


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"


# The shape of the Philly trace as published (ElasticFlow's list of 82,247 jobs): shares of jobs by
# GPUs, and of jobs by virtual cluster. Durations are log-normal with its median and mean.
PHILLY_GPUS: tuple[tuple[int, int], ...] = (
    (1, 76627), (2, 1818), (4, 1870), (8, 1643), (12, 7), (16, 199), (24, 7), (32, 67), (64, 6),
    (128, 3),
)  # fmt: skip
PHILLY_TENANTS: tuple[tuple[str, int], ...] = (
    ("6214e9", 41226), ("11cb48", 16091), ("6c71a0", 9953), ("b436b2", 7423), ("103959", 1934),
    ("ee9e8c", 1511), ("0e4a51", 1435), ("ed69ec", 1137), ("7f04ca", 723), ("2869ce", 422),
    ("e13805", 374),
)  # fmt: skip
PHILLY_JOBS = 82_247
PHILLY_DAYS = 108.9
PHILLY_MEDIAN_S = 1144.0
PHILLY_MEAN_S = 13135.93
SYNTHETIC_START = datetime(2026, 1, 1, tzinfo=UTC)


def draw_jobs(count: int, seed: int) -> list[Job]:
    """`count` jobs drawn to the shape of the Philly trace, at its rate; repeatable from its seed.

    Calibrated, not replayed: arrivals are Poisson with a day's rhythm, shares as published.
    """
    if not 1 <= count <= 10_000_000:
        raise Invalid("jobs", f"{count} is not 1 to 10000000")
    random = np.random.default_rng(seed)
    seconds_a_job = PHILLY_DAYS * 86_400 / PHILLY_JOBS
    gaps = random.exponential(seconds_a_job, count)
    moments = np.cumsum(gaps)
    rhythm = 1 - 0.4 * np.cos(2 * np.pi * (moments % 86_400) / 86_400)
    moments = np.cumsum(gaps / rhythm)
    sigma = float(np.sqrt(2 * np.log(PHILLY_MEAN_S / PHILLY_MEDIAN_S)))
    durations = np.clip(random.lognormal(np.log(PHILLY_MEDIAN_S), sigma, count), 1, 4_628_226)
    gpus = _draw(random, PHILLY_GPUS, count)
    tenants = _draw(random, PHILLY_TENANTS, count)
    return [
        Job(
            SYNTHETIC_START + timedelta(seconds=int(moment)),
            int(duration),
            PHILLY_GPUS[gpu][0],
            PHILLY_TENANTS[tenant][0],
        )
        for moment, duration, gpu, tenant in zip(moments, durations, gpus, tenants, strict=True)
    ]


def _draw(
    random: np.random.Generator, shares: Iterable[tuple[object, int]], count: int
) -> list[int]:
    weights = np.array([weight for _, weight in shares], float)
    return [int(i) for i in random.choice(len(weights), count, p=weights / weights.sum())]
