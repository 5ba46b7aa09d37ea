"""Failures that earlier pipelines had, each with the test that would fail without its remedy (pains.csv, 54 of them).

The tests of this file are for those that no other file tests.
"""

from __future__ import annotations

import ast
import csv
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from warehouse.core.databases import Databases
from warehouse.core.errors import AlreadyRunning
from warehouse.core.progress import Silent
from warehouse.core.settings import PROJECT
from warehouse.replicate import door, load_classification, replicate
from warehouse.replicate.sync import parts

TESTS = PROJECT / "tests" / "python"
PAINS = list(csv.DictReader((Path(__file__).parent / "pains.csv").open(encoding="utf-8", newline="")))

STANDING = {"status", "created_on", "updated_on", "deleted_on", "date_of_birth"}
"""Without these nobody can tell who is still there, and since when."""


def test_every_failure_has_its_line() -> None:
    assert [int(pain["number"]) for pain in PAINS] == list(range(1, 55))
    assert all(pain["date"] and pain["failure"] and pain["remedy"] for pain in PAINS)


@pytest.mark.parametrize("pain", PAINS, ids=lambda pain: f"{pain['number']}-{pain['date'][:10]}")
def test_a_failure_of_replication_has_a_test(pain: dict[str, str]) -> None:
    tests = pain["tests"].split()
    assert tests or pain["kind"] == "elsewhere", f"nothing would fail without the remedy of: {pain['failure']}"
    for test in tests:
        file, *names = test.split("::")
        body = ast.parse((TESTS / file).read_text(encoding="utf-8")).body
        for name in names:
            found = [one for one in body if isinstance(one, ast.ClassDef | ast.FunctionDef) and one.name == name]
            assert found, f"there is no {test}"
            body = found[0].body


def types(connection: psycopg.Connection, schema: str) -> dict[tuple[str, str], str]:
    """The complete type of each column of a schema's tables."""
    rows = connection.execute(
        "select c.relname, a.attname, format_type(a.atttypid, a.atttypmod) from pg_attribute as a"
        " join pg_class as c on c.oid = a.attrelid where c.relnamespace = to_regnamespace(%s)"
        " and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped",
        (schema,),
    )
    return {(table, column): kind for table, column, kind in rows}


@pytest.mark.slow
def test_every_column_has_the_type_of_the_source(world: Databases) -> None:
    replicate(world, Silent())
    with world.at_source() as trs, world.at_warehouse() as warehouse:
        there, here, history = types(trs, "public"), types(warehouse, "public"), types(warehouse, "history")
    published = [(table, name) for table, names in load_classification().published.items() for name in names]
    assert len(published) > 400
    assert {one: here[one] for one in published} == {one: there[one] for one in published}
    assert {one: history[one] for one in published} == {one: there[one] for one in published}


@pytest.mark.slow
def test_two_runs_at_once_copy_once(world: Databases) -> None:
    together, ended = threading.Barrier(2), []

    def run() -> None:
        together.wait()
        try:
            replicate(world, Silent())
            ended.append("done")
        except AlreadyRunning:
            ended.append("refused")

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The second is refused, or comes when the first has ended and finds nothing to do.
    assert len(ended) == 2
    assert "done" in ended
    with world.at_warehouse() as warehouse, world.at_source() as trs:
        assert warehouse.execute("select count(*) from ledger.epochs").fetchone() == (1,)
        assert trs.execute(
            "select count(*) from pg_replication_slots where database = current_database()"
        ).fetchone() == (1,)


@pytest.mark.slow
def test_a_second_run_beside_one_that_works_is_refused(world: Databases) -> None:
    with world.at_warehouse() as warehouse:
        with door.only_command(warehouse), pytest.raises(AlreadyRunning):
            replicate(world, Silent())
        replicate(world, Silent())


@pytest.mark.slow
def test_the_first_copy_takes_two_sessions_at_the_source(world: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Callable[[], psycopg.Connection]] = []
    copy_parts = parts.copy_parts

    def counted(*args: object, connect_source: Callable[[], psycopg.Connection], **others: object) -> int:
        def connect() -> psycopg.Connection:
            opened.append(connect_source)
            return connect_source()

        return copy_parts(*args, connect_source=connect, **others)  # type: ignore[arg-type]

    monkeypatch.setattr(parts, "copy_parts", counted)
    replicate(world, Silent())
    assert len(opened) == 2


@pytest.mark.slow
def test_the_replica_has_no_rule_but_its_keys(world: Databases) -> None:
    """Rows come in the order of their transactions; a rule of ours could only refuse what the source accepted."""
    replicate(world, Silent())
    with world.at_warehouse() as warehouse:
        rules = warehouse.execute(
            "select conrelid::regclass::text, contype::text, conname from pg_constraint"
            " where connamespace = 'public'::regnamespace and contype not in ('p', 'n')"
        ).fetchall()
        others = warehouse.execute(
            "select indexrelid::regclass::text from pg_index join pg_class as c on c.oid = indrelid"
            " where c.relnamespace = 'public'::regnamespace and indisunique and not indisprimary"
        ).fetchall()
        required = warehouse.execute(
            "select c.relname, a.attname from pg_attribute as a join pg_class as c on c.oid = a.attrelid"
            " where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0 and a.attnotnull"
            " and a.attname !~ '^_' and not exists (select from pg_index as i"
            " where i.indrelid = c.oid and i.indisprimary and a.attnum = any (i.indkey))"
        ).fetchall()
    assert (rules, others, required) == ([], [], [])


def test_columns_that_tell_a_rows_standing_are_replicated() -> None:
    classification = load_classification()
    left_behind = [
        f"{name}.{column}"
        for name in classification.published
        for column in classification.tables[name].columns
        # A date of birth in a partner's file says nothing of the row; whether it is replicated is uses.yml's to say.
        if column in STANDING - {"date_of_birth"} and column not in classification.published[name]
    ]
    assert left_behind == []
    assert set(classification.published["persons"]) >= STANDING
