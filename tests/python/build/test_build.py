"""Write, audit, publish: readers see only whole builds without a failure. On a project of two models, to be quick."""

from __future__ import annotations

import shutil
import textwrap
from datetime import date
from pathlib import Path

import psycopg
import pytest

from warehouse.build import build, inputs
from warehouse.build import dbt as dbt_module
from warehouse.core.databases import Databases
from warehouse.core.errors import BuildFailed
from warehouse.core.ledger import migrate
from warehouse.core.progress import Silent
from warehouse.core.settings import PROJECT

pytestmark = pytest.mark.slow

TODAY = date(2026, 10, 1)
SECRET = "QQ123456C"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dbt project with a view and a mart on it, under the real project's rules for schemas."""
    shutil.copytree(PROJECT / "macros" / "project", tmp_path / "macros")
    shutil.copy(PROJECT / "profiles.example.yml", tmp_path)
    (tmp_path / "dbt_project.yml").write_text(
        textwrap.dedent("""
        name: small
        profile: teaching_record_warehouse
        flags: {send_anonymous_usage_stats: false}
        models:
          small:
            staging: {+schema: staging, +materialized: view}
            marts: {+schema: marts, +materialized: table}
        """)
    )
    write(tmp_path, "staging/stg_one", "select 1 as x, 'first' as label")
    write(tmp_path, "marts/dim_one", "select * from {{ ref('stg_one') }}")
    (tmp_path / "models" / "marts" / "dim_one.yml").write_text(
        "models: [{name: dim_one, columns: [{name: x, data_tests: [not_null]}]}]\n"
    )
    monkeypatch.setattr(dbt_module, "PROJECT", tmp_path)
    monkeypatch.setattr(inputs.project_sha256, "__defaults__", (tmp_path,))
    return tmp_path


def write(project: Path, name: str, query: str) -> None:
    file = project / "models" / f"{name}.sql"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(query + "\n")


@pytest.fixture
def ready(databases: Databases, project: Path) -> Databases:
    with databases.at_warehouse() as connection:
        migrate(connection)
    return databases


def labels(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    return connection.execute("select label from marts.dim_one").fetchall()


def test_only_a_whole_build_is_published(ready: Databases, project: Path) -> None:
    first = build(ready, TODAY, Silent())
    assert first.built
    with ready.at_warehouse() as reader:
        assert labels(reader) == [("first",)]

        # A test fails: the mart itself was built, and nobody sees it.
        write(project, "staging/stg_one", "select cast(null as int) as x, 'second' as label")
        with pytest.raises(BuildFailed, match=r"not_null_dim_one_x \(1 rows fail the test\)"):
            build(ready, TODAY, Silent())
        assert labels(reader) == [("first",)]
        assert reader.execute("select label from staging.stg_one").fetchall() == [("first",)]

        # A model fails, and what the database says of it holds a value.
        write(project, "staging/stg_one", f"select 1 as x, '{SECRET}' as label")
        write(project, "marts/dim_one", "select x, cast(label as int) as label from {{ ref('stg_one') }}")
        with pytest.raises(BuildFailed, match="dim_one") as caught:
            build(ready, TODAY, Silent())
        assert SECRET not in str(vars(caught.value))
        assert labels(reader) == [("first",)]
        logs = "".join(f.read_text(errors="replace") for f in (ready.settings.warehouse_home / "dbt").rglob("*.log"))
        assert SECRET not in logs

        # It is mended: the next build goes through, and nothing of the failed ones is left.
        write(project, "staging/stg_one", "select 1 as x, 'third' as label")
        write(project, "marts/dim_one", "select * from {{ ref('stg_one') }}")
        last = build(ready, TODAY, Silent())
        assert labels(reader) == [("third",)]
        states = reader.execute("select state from ledger.builds order by build_id").fetchall()
        assert states == [("published",), ("failed",), ("failed",), ("published",)]
        left = reader.execute("select nspname from pg_namespace where nspname ~ '^trw_(build|old)_'").fetchall()
        assert left == []

    again = build(ready, TODAY, Silent())
    assert (again.built, again.build_id) == (False, last.build_id)
    assert build(ready, date(2026, 10, 2), Silent()).built


def test_a_project_that_does_not_parse_is_told(ready: Databases, project: Path) -> None:
    write(project, "marts/dim_one", "select * from {{ ref('nowhere') }}")
    with pytest.raises(BuildFailed, match="dbt could not run") as caught:
        build(ready, TODAY, Silent())
    assert "dbt parse" in caught.value.next_command


@pytest.mark.parametrize(("before", "after"), [(999, 1000), (9999, 10000), (913, 1269), (2**32 - 1, 2**32)])
def test_the_last_transaction_is_the_greatest_number(prepared: Databases, before: int, after: int) -> None:
    with prepared.warehouse() as connection:
        assert inputs.known_up_to(connection) is None
        connection.execute(
            "insert into ledger.epochs (slot_name, replication_name, source_system_id, source_database)"
            " values ('s', 's', '1', 'trs')"
        )
        for xid in (before, after):
            connection.execute(
                "insert into ledger.transactions (xid, epoch_id, committed_at) values (%s::text::xid8, 1, now())",
                (xid,),
            )
            assert inputs.known_up_to(connection) == str(xid)
