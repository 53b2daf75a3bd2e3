"""CloudKitty's own rating module on the same records; run by a Python that has CloudKitty.

    python benchmarks/peers/cloudkitty_rating.py RECORDS TARIFFS

RECORDS has a line for each: lease, slots, seconds, tariff. TARIFFS has a line for each: name, price
an hour. Written is one line: the sum of all prices, and the seconds that `process` took.
"""

import csv
import datetime
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

import sqlalchemy
from cloudkitty.dataframe import DataFrame, DataPoint
from cloudkitty.rating import hash as rating
from cloudkitty.rating.hash.db import api
from cloudkitty.rating.hash.db.sqlalchemy import models
from oslo_config import cfg

START, END = datetime.datetime(2026, 10, 1), datetime.datetime(2026, 11, 1)  # noqa: DTZ001


def module(folder: str, tariffs: list[list[str]]) -> rating.HashMap:
    """The hashmap module with a flat price for each tariff, in a database of its own."""
    url = f"sqlite:///{folder}/cloudkitty.db"
    cfg.CONF([], project="cloudkitty", default_config_files=[])
    database = api.get_instance()
    cfg.CONF.set_override("connection", url, group="database")
    models.Base.metadata.create_all(sqlalchemy.create_engine(url))
    service = database.create_service("gpu")
    field = database.create_field(service.service_id, "tariff")
    for name, price in tariffs:
        database.create_mapping(
            Decimal(price), "flat", name, field_id=field.field_id, start=START, name=name,
            created_by="1",
        )  # fmt: skip
    return rating.HashMap("benchmark")


def main(records: str, tariffs: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        known = list(csv.reader(Path(tariffs).read_text().splitlines()))
        hashmap = module(folder, known)
        points = [
            DataPoint(
                "h", Decimal(seconds) * int(slots) / 3600, 0, {"lease": lease}, {"tariff": tariff}
            )
            for lease, slots, seconds, tariff in csv.reader(Path(records).read_text().splitlines())
        ]
        frame = DataFrame(START, END, usage={"gpu": points})
        began = time.perf_counter()
        rated = hashmap.process(frame)
        seconds = time.perf_counter() - began
        print(sum(point.price for _, point in rated.iterpoints()), seconds)


if __name__ == "__main__":
    main(*sys.argv[1:])
