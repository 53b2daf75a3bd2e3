"""What was invoiced before lines had rules of their own: each has its invoice's."""

import shutil
from pathlib import Path
from typing import Any

import psycopg
import pytest

from rackrate.db.schema import FOLDER, migrate

MONEY = (
    "net, net_currency, tax, tax_currency, gross, gross_currency, paid, paid_currency,"
    " credited, credited_currency"
)


def test_old_lines_get_the_rule_of_their_invoice(empty_database: str, tmp_path: Path) -> None:
    folder = tmp_path / "schema"
    shutil.copytree(FOLDER, folder)
    later = [path for path in folder.glob("[0-9]*.sql") if path.name >= "0015"]
    texts = {path: path.read_text() for path in later}
    for path in later:
        path.unlink()
    grants = folder / "grants.sql"
    texts[grants] = grants.read_text()
    grants.write_text("")
    migrate(empty_database, folder)
    _write_an_invoice(empty_database)
    for path, text in texts.items():
        path.write_text(text)
    migrate(empty_database, folder)
    with psycopg.connect(empty_database) as connection:
        found: Any = connection.execute(
            "SELECT invoice.taxes, line ->> 'tax_rule', line ->> 'source' FROM invoice_line"
            " JOIN invoice ON invoice.id = invoice_line.invoice"
        ).fetchone()
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only ever added to"):
            connection.execute("UPDATE invoice_line SET place = 2")
    (part,) = found[0]
    assert found[1:] == ("cn-service-6", "s")
    assert part == {
        "rule": "cn-service-6",
        "net": {"minor": 100, "currency": "CNY"},
        "tax": {"minor": 6, "currency": "CNY"},
    }


def _write_an_invoice(database: str) -> None:
    """As it was written before; foreign keys do not matter here."""
    with psycopg.connect(database) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "INSERT INTO invoice (id, entity, customer, cause, month, issued, due, kind, reason,"
            f" purchase_order, tax_rule, {MONEY}) VALUES ('EX-1', 'e', 'c', 'x', '2026-11', now(),"
            " now(), 'invoice', '', '', 'cn-service-6', 100, 'CNY', 6, 'CNY', 106, 'CNY', 0, 'CNY',"
            " 0, 'CNY')"
        )
        connection.execute(
            "INSERT INTO invoice_line (id, invoice, customer, place, line) VALUES ('EX-1/1',"
            ' \'EX-1\', \'c\', 1, \'{"source": "s", "month": "2026-11", "net":'
            ' {"minor": 100, "currency": "CNY"}}\')'
        )
