"""`warehouse deliveries find-person`: by the number of a line, and without repeating what stands in it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import psycopg
import pytest

from tests.python.conftest import FreshDatabases
from warehouse.cli import main as cli
from warehouse.core import keys
from warehouse.core.delivered_people import Builder
from warehouse.core.identifiers import TRN, Identifier

Call = Callable[..., tuple[int, str, str]]
SECRET = "7654321"


@pytest.fixture
def call(prepared: FreshDatabases, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """The command with some standard input."""
    monkeypatch.setattr("warehouse.cli.opening.load", lambda: prepared.settings)
    monkeypatch.setattr("warehouse.cli.opening.Databases", lambda _: prepared)
    monkeypatch.setattr(prepared, "start", lambda: [])

    def run(given: str, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(given))
        capfd.readouterr()
        code = cli._main(["deliveries", "find-person", *arguments])
        told = capfd.readouterr()
        assert SECRET not in told.out + told.err
        return code, told.out, told.err

    return run


def delivered(connection: psycopg.Connection, databases: FreshDatabases, period: str, *trns: str) -> None:
    """A closed delivery of some people; of none of them when it was not indexed."""
    delivery = f"tad/teachers/{period}"
    connection.execute(
        "insert into ledger.deliveries (delivery_id, recipient, extract, period, state, contract_version,"
        " contract_sha256, model, destination) values (%s, 'tad', 'teachers', %s, 'planned', '1.2.0', '', 'm', 'here')",
        (delivery, period),
    )
    for state in ("built", "checked", "uploaded", "verified"):
        connection.execute("update ledger.deliveries set state = %s where delivery_id = %s", (state, delivery))
    connection.execute(
        "update ledger.deliveries set state = 'closed', closed_at = '2026-10-03', rows = 2, bytes = 2,"
        " manifest_sha256 = '' where delivery_id = %s",
        (delivery,),
    )
    if trns:
        builder = Builder(connection, keys.installation(connection, databases.settings))
        builder.add(Identifier(TRN, trn) for trn in trns)
        builder.keep(delivery, 1, [TRN])


@pytest.mark.slow
def test_it_answers_by_line(call: Call, prepared: FreshDatabases) -> None:
    with prepared.at_warehouse() as connection:
        delivered(connection, prepared, "2026-08", SECRET, "1234567")
        delivered(connection, prepared, "2026-09", "1234567")
        code, out, _ = call(f"{SECRET}\n\nTRN {SECRET[:3]} {SECRET[3:]}\n0000000\n")
        assert code == 0
        assert "tad/teachers/2026-08" in out and "2026-09" not in out
        assert "In none of 2 deliveries that were searched: line 4." in out
        code, out, _ = call(f"\ufeff1234567\n{SECRET}", "--json")
        told = json.loads(out)
        assert (code, told["lines"], told["searched"], told["not_searched"]) == (0, 2, 2, [])
        assert [(one["line"], one["delivery_id"], one["contract_version"]) for one in told["held"]] == [
            (1, "tad/teachers/2026-08", "1.2.0"),
            (1, "tad/teachers/2026-09", "1.2.0"),
            (2, "tad/teachers/2026-08", "1.2.0"),
        ]
        delivered(connection, prepared, "2026-10")
        code, out, err = call(SECRET)
        assert code == 90 and "tad/teachers/2026-08" in out and "1 deliveries could not be searched" in err
        code, out, _ = call(SECRET, "--json")
        told = json.loads(out)
        assert (code, told["error"], len(told["held"])) == (90, "DeliveriesNotSearched", 1)


@pytest.mark.slow
def test_what_it_refuses_it_does_not_repeat(call: Call) -> None:
    for given, arguments, said in (
        ("", (SECRET,), "does not belong on the command line"),
        ("", (), "in the input"),
        (f"1234567\n{SECRET} {SECRET}\n", (), "in line 2"),
    ):
        code, _, err = call(given, *arguments)
        assert code == 2 and said in err
