"""Write, audit, publish: readers see only whole builds without a failure. On a project of two models, to be quick."""

from __future__ import annotations

import shutil
import sys
import textwrap
from datetime import date
from pathlib import Path

import psycopg
import pytest
from dbt.cli.main import dbtRunner

from tests.python.conftest import FreshDatabases
from tests.python.marts.small import write
from warehouse.core.databases import Databases
from warehouse.core.errors import BuildFailed, ObjectInTheWay, UsageError
from warehouse.core.keyed_hashes import hiding
from warehouse.core.progress import Silent
from warehouse.core.settings import PROJECT
from warehouse.marts import build, environment, examine_builds, inputs, quality

pytestmark = pytest.mark.slow

TODAY = date(2026, 10, 1)
SECRET = "QQ123456C"
PERSON = "3f2b7c1e-5a0d-4e8b-9c34-6d1f20a7b951"


def labels(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    return connection.execute("select label from marts.dim_one").fetchall()


def test_only_a_whole_build_is_published(ready: Databases, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As in `warehouse erase --person-id …`, which builds the models anew when the person is gone.
    monkeypatch.setattr(sys, "argv", ["warehouse", "erase", "--person-id", PERSON])
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

        # It is corrected: the next build goes through, and nothing of the failed ones is left.
        write(project, "staging/stg_one", "select 1 as x, 'third' as label")
        write(project, "marts/dim_one", "select * from {{ ref('stg_one') }}")
        last = build(ready, TODAY, Silent())
        assert labels(reader) == [("third",)]
        states = reader.execute("select state from ledger.builds order by build_id").fetchall()
        assert states == [("published",), ("failed",), ("failed",), ("published",)]
        left = reader.execute("select nspname from pg_namespace where nspname ~ '^trw_(build|old)_'").fetchall()
        assert left == []

    assert sys.argv[-1] == PERSON
    records = [f for f in (ready.settings.warehouse_home / "dbt").rglob("*") if f.is_file()]
    assert any(f.name == "run_results.json" for f in records)
    assert [f.name for f in records if PERSON in f.read_text(errors="replace")] == [], "dbt keeps the command line"
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
            "insert into ledger.epochs (slot_name, replication_name, source_system_id, source_database, timeline)"
            " values ('s', 's', '1', 'trs', 1)"
        )
        for xid in (before, after):
            connection.execute(
                "insert into ledger.transactions (xid, epoch_id, committed_at) values (%s::text::xid8, 1, now())",
                (xid,),
            )
            assert inputs.known_up_to(connection) == str(xid)


def again(databases: Databases) -> list[str]:
    """Build if there is something to build; the stage's notes."""
    return build(databases, TODAY, Silent()).stage.notes


def settle(databases: FreshDatabases) -> None:
    """Let the server count what sessions of the test have written: it does so when they end."""
    with databases.at_warehouse() as connection:
        while connection.execute(
            "select 1 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
            " and backend_type = 'client backend'"
        ).fetchone():
            connection.execute("select pg_sleep(0.05)")


INPUTS = """
create schema history;
create table public.persons (person_id int primary key, name text);
create table history.persons (person_id int, name text);
insert into public.persons values (1, 'a'), (2, 'b');
insert into history.persons select * from public.persons;
"""
CHANGES = {
    "a row of the replica": "insert into public.persons values (3, 'c')",
    "a back-fill": "update public.persons set name = 'x' where person_id = 1",
    "a row erased": "delete from public.persons where person_id = 2",
    "a truncate": "truncate public.persons",
    "a change of structure": "alter table public.persons add column more text default 'x'",
    "history settled without a transaction": "insert into history.persons values (1, 'older')",
    "retention": "delete from history.persons where person_id = 2",
    "a gap": "insert into ledger.column_states (table_name, state, reason) values ('persons', 'held', 'new')",
    "a transaction stamped": "insert into ledger.transactions (xid, epoch_id, committed_at) values ('9', 1, now())",
    "a version of the view": "create or replace view versions.persons as select 2 as x",
}


def test_everything_that_a_build_is_made_from_is_seen(
    prepared: FreshDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    with prepared.at_warehouse() as connection:
        connection.execute(INPUTS)
        connection.execute("create schema versions; create view versions.persons as select 1 as x")
        connection.execute(
            "insert into ledger.epochs (slot_name, replication_name, source_system_id, source_database, timeline)"
            " values ('s', 's', '1', 'trs', 1)"
        )

    def now(day: date = TODAY) -> dict[str, str]:
        settle(prepared)
        with prepared.warehouse() as connection:
            return inputs.read(connection, day)

    before = now()
    assert now() == before
    for what, change in CHANGES.items():
        with prepared.at_warehouse() as connection:
            connection.execute(change.encode())
        after = now()
        assert [name for name in after if after[name] != before[name]] == ["rows"], what
        before = after
    with prepared.at_warehouse() as connection:
        connection.execute("vacuum analyze history.persons")
        connection.execute("insert into ledger.runs default values")
        connection.execute("create table public.t (); drop table public.t")
    tomorrow = now(date(2026, 10, 2))
    assert tomorrow["as_at"] != before["as_at"]
    monkeypatch.setattr(inputs, "version", lambda name: f"another {name}")
    assert now()["dbt"] != before["dbt"]


def test_a_build_that_somebody_changed_is_made_again(ready: FreshDatabases, project: Path) -> None:
    first = build(ready, TODAY, Silent())
    assert again(ready) == [f"nothing has changed since build {first.build_id}"]
    with ready.at_warehouse() as connection:
        connection.execute("update marts.dim_one set label = 'EVALUATOR'")
    notes = again(ready)
    assert "marts.dim_one has 1 rows that no build wrote" in notes[0]
    assert "build 2" in notes[-1]
    # dbt by hand, for another day: it replaces the published tables.
    by_hand(ready, project, "run", "--vars", "{as_at: 2025-01-01}")
    assert "is built again: marts.dim_one was made by somebody else" in again(ready)[0]
    with ready.at_warehouse() as connection:
        assert labels(connection) == [("first",)]
    assert again(ready) == ["nothing has changed since build 3"]
    # Files of the project: a model, and a seed.
    (project / "seeds").mkdir()
    (project / "seeds" / "codes.csv").write_text("code,label\n1,one\n")
    assert "build 4" in again(ready)[-1]
    (project / "seeds" / "codes.csv").write_text("code,label\n1,two\n")
    assert "build 5" in again(ready)[-1]


def test_another_day_is_no_reason_to_read_the_project_again(
    ready: FreshDatabases, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading it is a third of a build; dbt does so where a variable is another one."""
    read: list[bool] = []
    invoke = dbtRunner.invoke

    def listening(self: dbtRunner, arguments: list[str]) -> object:
        why: list[str] = []
        self.callbacks.append(lambda event: why.append(event.info.name) if "PartialPars" in event.info.name else None)
        done = invoke(self, arguments)
        if arguments[0] == "parse":
            read.append("UnableToPartialParse" in why)
        return done

    monkeypatch.setattr(dbtRunner, "invoke", listening)
    write(project, "staging/stg_one", "select 1 as x, '{{ var('as_at') }}' as label")
    for day in (1, 2, 3):
        build(ready, date(2026, 10, day), Silent())
        with ready.at_warehouse() as reader:
            assert labels(reader) == [(f"2026-10-0{day}",)]
    assert read == [True, False, False]


def by_hand(databases: Databases, project: Path, *arguments: str) -> None:
    """dbt as a person calls it: into the published schemas."""
    shutil.copy(PROJECT / "profiles.example.yml", project / "profiles.yml")
    with databases.warehouse() as connection, environment.only(environment.of(connection)):
        result = dbtRunner().invoke(
            [*arguments, "--project-dir", str(project), "--profiles-dir", str(project), "--quiet"]
        )
    assert result.success, result.exception


def test_a_build_with_less_than_the_project_is_not_published(
    ready: FreshDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoke = dbtRunner.invoke

    def without_tests(self: dbtRunner, arguments: list[str]) -> object:
        return invoke(self, [*arguments, *(["--exclude-resource-type", "test"] if arguments[0] == "build" else [])])

    monkeypatch.setattr(dbtRunner, "invoke", without_tests)
    with pytest.raises(BuildFailed, match=r"not_null_dim_one_x \(dbt left it out\)"):
        build(ready, TODAY, Silent())


def test_what_the_tests_found_is_kept_with_keys(ready: FreshDatabases, project: Path) -> None:
    for folder in ("terms/unknown_code", "cross_db/as_text", "testing/breaches_of", "testing/described_rules"):
        shutil.copy(PROJECT / "macros" / f"{folder}.sql", project / "macros")
    shutil.copytree(PROJECT / "tests" / "generic", project / "tests" / "generic")
    rows = " union all ".join(
        f"select {n} as x, '{SECRET}' as nino, {code} as gender, {{{{ unknown_code('{code}') }}}} as gender_label"
        for n, code in enumerate((1, 9, 9, 8))
    )
    write(project, "marts/dim_one", rows.replace("unknown_code('1')", "as_text(\"'one'\")"))
    # Made before the last test ends, and filled again when it has.
    shutil.copy(PROJECT / "models" / "staging" / "ledger" / "_ledger__sources.yml", project / "models")
    of_this = "where build_id = (select max(build_id) from {{ source('ledger', 'builds') }})"
    found = f"select rule, value, rows, keys from {{{{ source('ledger', 'build_findings') }}}} {of_this}"
    write(project, "marts/data_quality", found)
    (project / "models" / "field_dictionary").mkdir()
    (project / "models" / "field_dictionary" / "one.md").write_text(
        "{% docs x %}{# integer, open #}x{% enddocs %}{% docs nino %}{# string, sensitive #}nino{% enddocs %}"
    )
    (project / "models" / "marts" / "dim_one.yml").write_text(
        textwrap.dedent("""
        models:
          - name: dim_one
            config: {meta: {grain: [x, nino]}}
            columns:
              - {name: x, description: '{{ doc("x") }}', config: {meta: {accepted: [0, 1, 2]}}}
              - {name: nino, description: '{{ doc("nino") }}', config: {meta: {accepted: [none]}}}
              - {name: gender_label, config: {meta: {known_code: true}}}
            data_tests:
              - as_described
              - expression_is_true: {name: fails, arguments: {expression: x < 3}, config: {severity: warn}}
        """)
    )
    report = build(ready, TODAY, Silent())
    assert "5 warnings on 9 rows" in report.stage.notes
    told = [str(finding) for finding in report.findings]
    with ready.warehouse() as connection:
        hidden = hiding(connection, ready.settings)(SECRET)
    masked = f"nino {hidden}"
    assert [one.shown for one in report.findings] == [
        f"{masked}, x 3",
        f"{masked}, x 1; {masked}, x 2",
        "; ".join(f"{masked}, x {n}" for n in range(4)),
        f"{masked}, x 3",
        f"{masked}, x 3",
    ]
    assert told == [
        "dim_one: 1 row has a code without a label in gender_label: unknown (8)",
        "dim_one: 2 rows have a code without a label in gender_label: unknown (9)",
        f"dim_one: 4 rows have a value in nino that is not on its list: {hidden}",
        "dim_one: 1 row has a value in x that is not on its list: 3",
        "dim_one: 1 row breaks the rule: fails",
    ]
    with ready.warehouse() as connection:
        assert SECRET not in str(connection.execute("table ledger.build_findings").fetchall())
        states = [finding.state for finding in examine_builds(connection, lambda: TODAY)]
        assert states == ["warning"] * 5 + ["ok"]
        listed = connection.execute("select rule, value, rows, cardinality(keys) from marts.data_quality").fetchall()
        assert listed == [
            ("known_code", "unknown (8)", 1, 1),
            ("known_code", "unknown (9)", 2, 2),
            ("accepted", hidden, 4, 4),
            ("accepted", "3", 1, 1),
            (None, None, 1, 1),
        ]
        assert [str(one) for one in quality.last(connection, "dim_one").findings] == told
        assert quality.last(connection, "data_quality").findings == []
        with pytest.raises(UsageError, match="There is no model dim_two"):
            quality.last(connection, "dim_two")
    assert [str(finding) for finding in build(ready, TODAY, Silent()).findings] == told

    # The same as an error: the build fails, the message has the keys, and so has the ledger.
    yml = project / "models" / "marts" / "dim_one.yml"
    yml.write_text(yml.read_text().replace("severity: warn", "severity: error"))
    with pytest.raises(BuildFailed, match=r"fails \(1 rows fail the test: nino hmac:") as caught:
        build(ready, TODAY, Silent())
    assert SECRET not in str(vars(caught.value))
    assert "dbt build" not in caught.value.next_command
    with ready.warehouse() as connection:
        found = connection.execute("select test_name, rows from ledger.build_findings where severity = 'failure'")
        assert found.fetchall() == [("fails", 1)]
        worst = examine_builds(connection, lambda: TODAY)[0]
        assert (worst.state, "failed (fails); readers see build 1" in worst.what) == ("failed", True)

    # A rule that would mislead readers stops a build: the message names column, rule, rows and keys.
    yml.write_text(yml.read_text().replace("severity: error", "severity: warn").replace("[x, nino]", "[gender]"))
    with pytest.raises(BuildFailed) as caught:
        build(ready, TODAY, Silent())
    with ready.warehouse() as connection:
        last = quality.last(connection)
        assert (last.build_id, last.state, last.findings[0].severity) == (3, "failed", "failure")
        # The first build found the same.
        since = {one.since for one in last.findings if one.rule == "known_code"}
        first = connection.execute("select started_at from ledger.builds where build_id = 1").fetchall()
        assert [(one,) for one in since] == first
    assert "as_described_dim_one_ (10 rows fail the test: gender: 2 rows, rule grain (" in caught.value.what


def test_the_doctor_says_what_the_build_is_older_than(ready: FreshDatabases, project: Path) -> None:
    def told(day: date = TODAY) -> list[tuple[str, str]]:
        settle(ready)
        with ready.warehouse() as connection:
            return [(one.state, one.what) for one in examine_builds(connection, lambda: day)]

    assert told()[0][0] == "warning"
    build(ready, TODAY, Silent())
    assert told() == [("ok", "build 1, as at 01 October 2026, is what readers see")]
    assert "changed since are the business date" in told(date(2026, 10, 2))[0][1]
    with ready.at_warehouse() as connection:
        connection.execute("create table public.persons as select 1 as x")
    assert "rows of the replica or its history" in told()[0][1]
    write(project, "staging/stg_one", "select 1 as x, 'second' as label")
    with ready.at_warehouse() as connection:
        connection.execute("delete from marts.dim_one")
    found = told()
    assert found[0][0] == "failed"
    assert "marts.dim_one has 0 rows instead of 1" in found[0][1]
    assert "the project's files" in found[1][1]


def test_a_build_that_something_kept_from_being_made_is_made_when_it_is_gone(
    ready: FreshDatabases, project: Path
) -> None:
    build(ready, TODAY, Silent())
    with ready.at_warehouse() as connection:
        connection.execute("create table marts.dim_two as select 'theirs' as x")
        write(project, "marts/dim_two", "select 'ours' as x")
        with pytest.raises(ObjectInTheWay, match=r"marts\.dim_two of \w+ was not made by a build"):
            build(ready, TODAY, Silent())
        (project / "models" / "marts" / "dim_two.sql").unlink()
        assert "build 3" in again(ready)[-1]
        assert connection.execute("select x from marts.dim_two").fetchall() == [("theirs",)]
