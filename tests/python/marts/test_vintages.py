"""Vintages: every model as known at a moment, beside the published build. On a project of three models, to be quick."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest

from tests.python.conftest import FreshDatabases
from tests.python.marts.small import write
from warehouse.core.errors import BeforeHistory, BuildFailed, ObjectInTheWay, VintageRefused
from warehouse.core.progress import Silent
from warehouse.marts import build, differences, vintages
from warehouse.marts.differences import Difference
from warehouse.marts.vintages import build_vintage

pytestmark = pytest.mark.slow

TODAY = date(2026, 10, 1)
FIRST, SECOND, THIRD = (datetime(2026, 9, day, 12, tzinfo=UTC) for day in (1, 10, 20))


def alerts(connection: psycopg.Connection, schema: str) -> list[tuple[object, ...]]:
    return connection.execute(f"select alert_id, details from {schema}.fct_alert order by 1".encode()).fetchall()


def test_vintages_differ_by_what_was_learnt_between(world: FreshDatabases) -> None:
    assert build(world, TODAY, Silent()).built
    early = build_vintage(world, "early", FIRST, TODAY, Silent())
    late = build_vintage(world, "late", THIRD, TODAY, Silent())
    assert (early.vintage.state, early.vintage.known_up_to, late.vintage.known_up_to) == ("kept", 100, 120)
    with world.at_warehouse() as connection:
        assert alerts(connection, "early_marts") == [(1, "first"), (2, "deleted")]
        assert alerts(connection, "late_marts") == alerts(connection, "marts") == [(1, "corrected"), (3, "new")]
        by_table = {one.table: one for one in differences.differences(connection, "early", "late")}
        assert by_table["marts.fct_alert"] == Difference("marts.fct_alert", None, 1, 1, 1, {"details": 1}, [], [])
        assert not any(differences.differences(connection, "current", "late"))

        # What is learnt now changes neither of them.
        connection.execute("update public.kept set known_to = now() where alert_id = 3")
        connection.execute("delete from public.alerts where alert_id = 3")
        assert alerts(connection, "late_marts") == [(1, "corrected"), (3, "new")]
        assert build(world, TODAY, Silent(), anew=True).built
        assert alerts(connection, "marts") == [(1, "corrected")]
        assert alerts(connection, "late_marts") == [(1, "corrected"), (3, "new")]

        assert [one.name for one in vintages.listed(connection)] == ["early", "late"]
        assert vintages.drop(connection, "early").schemas == ["early_marts", "early_staging"]
        assert [one.name for one in vintages.listed(connection)] == ["late"]
        with pytest.raises(VintageRefused, match="There is no vintage 'early'"):
            vintages.find(connection, "early")
        left = connection.execute("select nspname from pg_namespace where nspname ~ '^(early|late)_' order by 1")
        assert left.fetchall() == [("late_marts",), ("late_staging",)]
    with pytest.raises(VintageRefused, match="There is a vintage late already"):
        build_vintage(world, "late", SECOND, TODAY, Silent())


def test_the_moment_of_a_vintage_can_be_that_of_a_build(world: FreshDatabases) -> None:
    with world.at_warehouse() as connection:
        made = (
            "insert into ledger.builds (as_at, project_sha256, state, vintage, known_at) values (%s, 'x', %s, %s, %s)"
        )
        for state, vintage, known_at in (("published", None, SECOND), ("failed", None, None), ("kept", "was", FIRST)):
            connection.execute(f"{made} returning build_id".encode(), (TODAY, state, vintage, known_at))
        numbers = connection.execute("select build_id from ledger.builds order by 1").fetchall()
        (published, *others) = (number for (number,) in numbers)
        assert vintages.of_build(connection, published) == (SECOND, TODAY)
        for number in [*others, 99]:
            with pytest.raises(VintageRefused, match=f"does not know what a build {number} knew"):
                vintages.of_build(connection, number)


@pytest.mark.parametrize("name", ["", "Upper", "9", "a-b", "trw_build", "pg_x", "current", "marts", "x" * 41, "a;b"])
def test_a_name_that_cannot_be_one_is_refused(prepared: FreshDatabases, name: str) -> None:
    with pytest.raises(VintageRefused, match="cannot be the name of a vintage"):
        build_vintage(prepared, name, FIRST, TODAY, Silent())


def test_a_moment_of_which_nothing_is_known_is_refused(world: FreshDatabases) -> None:
    with pytest.raises(BeforeHistory, match="history begins with the first copy, at 2026-09-01") as caught:
        build_vintage(world, "before", datetime(2026, 8, 31, tzinfo=UTC), TODAY, Silent())
    assert caught.value.exit_code == 74
    with pytest.raises(BeforeHistory, match="has not come yet"):
        build_vintage(world, "after", datetime(2999, 1, 1, tzinfo=UTC), TODAY, Silent())
    with world.at_warehouse() as connection:
        connection.execute(
            "insert into ledger.dropped_history (table_name, ended_from, ended_before, versions)"
            " values ('alerts', '2026-09-01', '2026-09-15', 1)"
        )
        with pytest.raises(BeforeHistory, match="Of alerts the retention rule has dropped versions"):
            build_vintage(world, "dropped", SECOND, TODAY, Silent())
        assert vintages.listed(connection) == []


def test_a_vintage_that_fails_is_kept_and_told(world: FreshDatabases, tmp_path: Path) -> None:
    build(world, TODAY, Silent())
    write(tmp_path, "marts/fct_alert", "select cast(null as int) as alert_id from {{ ref('stg_trs__alerts') }}")
    with pytest.raises(BuildFailed, match="The vintage wrong failed at not_null_fct_alert_alert_id"):
        build_vintage(world, "wrong", THIRD, TODAY, Silent())
    with world.at_warehouse() as connection:
        assert vintages.find(connection, "wrong").state == "failed"
        assert connection.execute("select count(*) from wrong_marts.fct_alert").fetchone() == (2,)
        assert alerts(connection, "marts") == [(1, "corrected"), (3, "new")]
        with pytest.raises(VintageRefused, match="is not whole"):
            differences.differences(connection, "current", "wrong")
        vintages.drop(connection, "wrong")
        connection.execute("create schema theirs_marts")
        with pytest.raises(ObjectInTheWay, match="theirs_marts"):
            build_vintage(world, "theirs", THIRD, TODAY, Silent())
