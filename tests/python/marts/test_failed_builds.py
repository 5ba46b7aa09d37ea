"""A build that failed: `status` and `doctor` tell of it, and what it made is kept. On a project of two models."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.python.conftest import FreshDatabases
from tests.python.marts.small import write
from warehouse.cli.doctor import doctor
from warehouse.cli.status import show_status
from warehouse.core.errors import BuildFailed, ObjectInTheWay
from warehouse.core.progress import Silent
from warehouse.marts import build, dbt, examine_builds, failed_build, quality
from warehouse.marts.vintages import drop_every

pytestmark = pytest.mark.slow

TODAY = date(2026, 10, 1)
KEPT = ["trw_build_marts", "trw_build_staging"]

Said = Callable[..., str]


@pytest.fixture
def said(ready: FreshDatabases, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """What a command prints, for a person."""
    monkeypatch.setattr(type(ready), "start", lambda _: [])
    monkeypatch.setattr(type(ready), "today", lambda _: TODAY)
    for module in ("opening", "doctor"):
        monkeypatch.setattr(f"warehouse.cli.{module}.Databases", lambda _: ready)

    def run(command: Callable[..., None], **options: bool) -> str:
        capsys.readouterr()
        try:
            command(**{"json": False, **options})
        except typer.Exit as end:
            assert end.exit_code != 0
        return capsys.readouterr().out

    return run


def told(said: Said, command: Callable[..., None], code: str = "build") -> list[dict[str, Any]]:
    """The findings of a command's `--json` that have a code."""
    return [one for one in json.loads(said(command, json=True))["findings"] if one["code"] == code]


def test_a_failed_test_is_reported_and_the_candidate_kept(ready: FreshDatabases, project: Path, said: Said) -> None:
    with ready.warehouse() as connection:
        assert failed_build(connection) is None
    build(ready, TODAY, Silent())
    assert [one["state"] for one in told(said, show_status)] == ["ok"]

    write(project, "staging/stg_one", "select cast(null as int) as x, 'second' as label")
    with pytest.raises(BuildFailed):
        build(ready, TODAY, Silent())
    with ready.at_warehouse() as connection:
        # Readers have the first build; whoever looks for the fault has what failed.
        assert connection.execute("select label from marts.dim_one").fetchall() == [("first",)]
        assert connection.execute("select x, label from trw_build_marts.dim_one").fetchall() == [(None, "second")]

    failure = json.loads(said(show_status, json=True))["failed_build"]
    assert (failure["build_id"], failure["as_at"], failure["failed"], failure["kept_in"]) == (
        *(2, "2026-10-01", ["not_null_dim_one_x"], KEPT),
    )
    assert failure["started_at"] < failure["ended_at"]
    assert "not_null_dim_one_x (1 rows fail the test)" in failure["what"]
    assert "warehouse quality" in failure["next_command"]
    for command in (show_status, doctor):
        first, *_ = told(said, command)
        assert (first["state"], first["exit_code"], first["next_command"]) == ("failed", 20, failure["next_command"])
        assert first["what"].startswith("build 2 of ")
        assert first["what"].endswith(" failed (not_null_dim_one_x); readers see build 1.")
        assert "kept in trw_build_marts, trw_build_staging until the next build" in first["meaning"]
    shown = said(show_status)
    assert first["what"] in shown and f"Next: {first['next_command']}" in shown

    # The next build drops it, and there is nothing to tell any more.
    write(project, "staging/stg_one", "select 1 as x, 'third' as label")
    build(ready, TODAY, Silent())
    now = json.loads(said(show_status, json=True))
    assert (now["failed_build"], [one["state"] for one in now["findings"] if one["code"] == "build"]) == (None, ["ok"])
    with ready.at_warehouse() as connection:
        assert connection.execute("select to_regnamespace('trw_build_marts')").fetchone() == (None,)
        kept = connection.execute("select build_id, error ->> 'exit_code' from ledger.build_errors").fetchall()
        assert kept == [(2, "20")]


def test_a_build_that_fails_for_another_reason_is_reported_with_it(
    ready: FreshDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ready.at_warehouse() as connection:
        # Something of somebody else's is where a mart would be published.
        connection.execute("create schema marts; create table marts.dim_one as select 1 as x")
        with pytest.raises(ObjectInTheWay):
            build(ready, TODAY, Silent())
        failure = failed_build(connection)
        assert failure is not None
        assert (failure.failed, failure.kept_in) == ([], [])
        assert "There is a schema marts of " in failure.meaning and "Nothing of what it made is kept" in failure.meaning
        (finding,) = examine_builds(connection, lambda: TODAY)
        assert finding.what.endswith(" failed; readers see nothing.")
        assert finding.next_command == failure.error["next"]
        connection.execute("drop table marts.dim_one")

        def stopped(_: dbt.Dbt) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(dbt.Dbt, "build", stopped)
        with pytest.raises(KeyboardInterrupt):
            build(ready, TODAY, Silent())
        failure = failed_build(connection)
        assert failure is not None
        assert (failure.failed, failure.error, failure.next_command) == (["interrupted"], {}, "warehouse run")


def test_a_vintage_is_not_the_last_build(ready: FreshDatabases) -> None:
    """One that failed is reported beside the build that readers see, until it is dropped."""
    build(ready, TODAY, Silent())
    with ready.at_warehouse() as connection:
        connection.execute(
            "insert into ledger.builds (as_at, project_sha256, vintage, known_at, state, failed)"
            " values (%s, '', 'wrong', now(), 'failed', '{dim_one}')",
            (TODAY,),
        )
        assert quality.last(connection).build_id == 1
        assert failed_build(connection) is None
        wrong, seen = examine_builds(connection, lambda: TODAY)
        assert (wrong.code, wrong.state, wrong.next_command) == (*("vintage", "warning", "warehouse build drop wrong"),)
        assert "the vintage wrong failed (dim_one)" in wrong.what
        assert seen.state == "ok"
        drop_every(connection)
        assert [one.state for one in examine_builds(connection, lambda: TODAY)] == ["ok"]
