"""A retention rule that keeps less than before waits for a person; what is dropped is told."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import psycopg
import pytest
from typer.testing import CliRunner

from tests.python.replicate.conftest import Sync
from tests.python.replicate.own_file import read_in_place_of_the_file
from tests.python.replicate.world import PERSON, insert
from warehouse.cli.replicate import app
from warehouse.core.databases import Databases
from warehouse.core.progress import Silent
from warehouse.replicate import load_classification, replicate, status
from warehouse.replicate.classification import Classification

pytestmark = pytest.mark.slow

AGO = datetime.now(UTC).replace(day=5, hour=0, minute=0, second=0, microsecond=0)
AGO = AGO.replace(year=AGO.year - 4)
MONTH = f"history.persons_{AGO:%Y_%m}"


def of_years(years: int) -> Classification:
    """The file with another rule."""
    found = load_classification()
    assert found.history is not None
    return found.model_copy(update={"history": found.history.model_copy(update={"keep_years": years})})


def add_old_version(warehouse: psycopg.Connection) -> None:
    """A version that ended, and was settled, four years ago."""
    after = AGO.replace(year=AGO.year + AGO.month // 12, month=AGO.month % 12 + 1)
    warehouse.execute(
        f"create table {MONTH} partition of history.persons for values from ('{AGO:%Y-%m}-01')"
        f" to ('{after:%Y-%m}-01')".encode()
    )
    warehouse.execute(
        f"insert into {MONTH} select (x.h).* from (select jsonb_populate_record(h, jsonb_build_object("
        f"'known_from', '{AGO:%Y-%m-%d}', 'known_to', '{AGO:%Y-%m-%d}')) as h from history.persons as h) as x".encode()
    )
    month = AGO.replace(day=1).date()
    warehouse.execute("insert into ledger.history_months values ('persons', %s, 1, %s)", (month, AGO))


def test_a_slip_of_the_pen_drops_nothing(world: Databases, sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    def versions() -> int | None:
        found = warehouse.execute("select to_regclass(%s)", (MONTH,)).fetchone()
        row = warehouse.execute(f"select count(*) from {MONTH}".encode()).fetchone() if found != (None,) else None
        return row[0] if row else None

    with world.at_source() as trs, world.at_warehouse() as warehouse:
        insert(trs, "persons", {**PERSON, "person_id": "3f2b7c1e-5a0d-4e8b-9c34-6d1f20a7b951", "trn": "1000001"})
        sync()
        trs.execute("update persons set last_name = 'Jones'")
        sync()
        add_old_version(warehouse)
        assert versions() == 1

        one_year = of_years(1)
        read_in_place_of_the_file(monkeypatch, lambda: one_year)
        monkeypatch.setattr("warehouse.cli.opening.Databases", lambda _: world)
        monkeypatch.setattr(world, "start", list)
        report, _ = replicate(world, Silent())
        assert any("keeps less history" in note for note in report.notes)
        assert versions() == 1
        warned = next(one for one in status(world, pause=0.2).reasons if one.code == "retention_lowered")
        assert warned.exit_code == 0

        shown = json.loads(CliRunner().invoke(app, ["retention", "--json"]).stdout)
        assert shown["due"] == []
        assert shown["due_with_apply"] == [{"table": "persons", "month": f"{AGO:%Y-%m}", "versions": 1}]
        assert shown["lowered"][0]["applied"] == "7 years"
        applied = json.loads(CliRunner().invoke(app, ["retention", "--apply", "--json"]).stdout)
        assert (applied["lowered"], [one["versions"] for one in applied["dropped"]]) == ([], [1])
        assert versions() is None

        # More is taken up by itself, and asked about again when it is less.
        seven_years = of_years(7)
        read_in_place_of_the_file(monkeypatch, lambda: seven_years)
        report, _ = replicate(world, Silent())
        assert not any("less history" in note for note in report.notes)
        read_in_place_of_the_file(monkeypatch, lambda: one_year)
        report, _ = replicate(world, Silent())
        assert any("keeps less history" in note for note in report.notes)
