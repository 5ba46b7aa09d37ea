"""`keep_days`: what the source itself prunes leaves the history after as many days, and nothing takes it for a loss."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from typer.testing import CliRunner

from tests.python.replicate.conftest import Sync
from tests.python.replicate.own_file import read_in_place_of_the_file
from tests.python.replicate.test_seals import MONTH, OLD, proved, versions_in_march
from warehouse.cli.replicate import app
from warehouse.core.databases import Databases
from warehouse.core.keep import Keep
from warehouse.core.progress import Silent
from warehouse.replicate import load_classification, replicate, status
from warehouse.replicate.classification import Classification, Table
from warehouse.replicate.compare.reconcile import reconcile
from warehouse.replicate.history import retention, seals

JOB = "a job of the source, every night"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"keep_days": 90}, "go together"),
        ({"pruned_by": JOB}, "go together"),
        ({"keep_days": 0, "pruned_by": JOB}, "greater than or equal to 1"),
        ({"keep_days": 90, "keep_years": 1, "pruned_by": JOB}, "two rules"),
    ],
)
def test_a_rule_in_days_says_what_prunes_the_table(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Table.model_validate({**wrong, "columns": {"a": "open"}})


RULES = st.one_of(st.builds(Keep, years=st.integers(1, 20)), st.builds(Keep, days=st.integers(1, 7300)))
MOMENTS = st.datetimes(datetime(2021, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(RULES, MOMENTS, st.timedeltas(timedelta(0), timedelta(days=4000)))
def test_what_is_past_a_rule_stays_past_it(rule: Keep, now: datetime, later: timedelta) -> None:
    assert rule.horizon(now) < now
    assert rule.horizon(now) <= rule.horizon(now + later)
    assert Keep().horizon(now) < rule.horizon(now)


def of_days(days: int) -> Classification:
    """The file with another rule for persons."""
    found = load_classification()
    persons = found.tables["persons"].model_copy(update={"keep_days": days, "pruned_by": JOB})
    return found.model_copy(update={"tables": {**found.tables, "persons": persons}})


def kept(warehouse: psycopg.Connection) -> int | None:
    if warehouse.execute("select to_regclass(%s)", (MONTH,)).fetchone() == (None,):
        return None
    (found,) = warehouse.execute(f"select count(*) from {MONTH}".encode()).fetchone() or (None,)
    return found


@pytest.fixture
def old(world: Databases, sync: Sync) -> Databases:
    """A stream, and a sealed month of March with the versions of three persons, settled then."""
    versions_in_march(world, sync, "Jones")
    with world.at_warehouse() as warehouse:
        assert seals.latest(warehouse)["persons", OLD].versions == 3
        warehouse.execute("update ledger.history_months set settled_at = '2026-03-05' where month = %s", (OLD,))
    return world


def use(rule: Classification, world: Databases, patch: pytest.MonkeyPatch) -> None:
    read_in_place_of_the_file(patch, lambda: rule)
    patch.setattr("warehouse.cli.opening.Databases", lambda _: world)
    patch.setattr(world, "start", list)


@pytest.mark.slow
def test_a_rule_in_days_is_asked_for_applied_and_explained(old: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer days than the years before wait for a person; then the month goes, once, and every proof knows why."""
    world = old
    with world.at_warehouse() as warehouse:
        use(of_days(90), world, monkeypatch)
        report, _ = replicate(world, Silent())
        assert any("persons: keep_days unsaid → 90" in note for note in report.notes), report.notes
        assert any("keeps less history of 1 tables" in note for note in report.notes), report.notes
        assert kept(warehouse) == 3
        assert "retention_lowered" in {one.code for one in status(world, pause=0.2).reasons}

        shown = json.loads(CliRunner().invoke(app, ["retention", "--json"]).stdout)
        assert shown["keep_days"]["persons"] == 90
        assert shown["lowered"] == [{"table": "persons", "applied": "7 years", "wanted": "90 days"}]
        assert shown["due_with_apply"] == [{"table": "persons", "month": "2026-03", "versions": 3}]
        applied = CliRunner().invoke(app, ["retention", "--apply"]).stdout
        assert "Ended versions of persons are kept for 90 days." in applied
        assert kept(warehouse) is None

        for _ in range(2):
            report, _ = replicate(world, Silent())
            assert not any("history" in note for note in report.notes), report.notes
            dropped = "select versions from ledger.dropped_history where table_name = 'persons'"
            assert warehouse.execute(dropped.encode()).fetchall() == [(3,)]
            chain = [one.reason for one in seals.every(warehouse) if one.table_name == "persons"]
            assert chain == ["complete", "retention"]
        assert proved(world) == []
        assert all(table.is_equal for table in reconcile(world, Silent(), ["persons"]).tables)
        assert {one.code for one in status(world, pause=0.2).reasons} & {
            "retention_lowered",
            "history_differs",
        } == set()
        with pytest.raises(psycopg.Error, match="dropped by the retention rule"):
            warehouse.execute("select count(*) from as_known_at.persons('2026-03-20')")


@pytest.mark.slow
def test_days_as_long_as_the_years_are_taken_up_and_fewer_are_not(
    old: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    with old.at_warehouse() as warehouse:
        for days, waits in ((2556, False), (2555, True), (9000, False), (90, True)):
            found = of_days(days)
            assert bool(retention.take_up(warehouse, found)) is waits, days
            assert (retention.rules(warehouse)["persons"] == Keep(days=days)) is not waits, days


@pytest.mark.slow
def test_a_month_that_is_not_dropped_is_not_recorded_as_dropped(
    old: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Power fails between the seal and the drop: nothing of either stays, and the next pass does both."""
    with old.at_warehouse() as warehouse:
        retention.take_up(warehouse, of_days(90), all_of_it=True)
        warehouse.execute(
            "create function pg_temp.fails() returns event_trigger language plpgsql as $$begin raise 'power'; end$$"
        )
        warehouse.execute("create event trigger power on sql_drop execute function pg_temp.fails()")
        now = datetime.now(UTC)
        with pytest.raises(psycopg.Error, match="power"):
            retention.apply_retention(warehouse, retention.rules(warehouse), now)
        warehouse.execute("drop event trigger power")
        assert kept(warehouse) == 3
        assert warehouse.execute("select count(*) from ledger.dropped_history").fetchone() == (0,)
        assert proved(old) == []
        assert [one.table for one in retention.apply_retention(warehouse, retention.rules(warehouse), now)] == [
            "persons"
        ]
        assert retention.apply_retention(warehouse, retention.rules(warehouse), now) == []
        assert proved(old) == []
