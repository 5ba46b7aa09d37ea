"""What `warehouse replicate check-migration` says of a migration of the source, held against PostgreSQL itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from tests.python.conftest import FreshDatabases, fresh_databases
from warehouse.cli.replicate import check_migration as command
from warehouse.core.databases import Databases
from warehouse.core.errors import MigrationRefused, UsageError
from warehouse.replicate import migration
from warehouse.replicate.classification import Classification
from warehouse.replicate.migration import Sent
from warehouse.replicate.preflight.at_source import function

SCHEMA = """
create type mood as enum ('well', 'unwell');
create table persons (
    person_id int primary key, name text, age int, mood mood, doubled int generated always as (age * 2) stored,
    trn text not null, secret text, constraint fk_boss foreign key (age) references persons (person_id),
    constraint uq_trn unique (trn)
);
create table notes (note_id int primary key, text text);
create table others (other_id int primary key);
insert into persons (person_id, name, trn) values (1, 'a', 't');
"""
CLASSIFICATION = Classification.model_validate(
    {
        "source": "trs",
        "schema": "public",
        "tables": {
            "persons": {
                "columns": {
                    **dict.fromkeys(("person_id", "name", "age", "mood", "doubled", "trn"), "open"),
                    "secret": "secret",
                }
            },
            "notes": {"columns": {"note_id": "open", "text": "open"}},
        },
    }
)
OFFLINE = migration.from_file("trw", CLASSIFICATION)


def verdicts(text: str, sent: Sent = OFFLINE) -> list[str]:
    return [one.verdict for one in migration.judge(sent, migration.read(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("alter table persons drop column name", ["refused"]),
        ("ALTER TABLE ONLY public.persons DROP COLUMN IF EXISTS name, drop age restrict", ["refused", "refused"]),
        ('alter table "persons" alter "name" type varchar(5) using left(name, 5)', ["refused"]),
        ("alter table persons alter name set data type text collate \"C\"", ["refused"]),
        ("alter table persons drop column name cascade", ["harmful"]),
        ("alter table persons set unlogged", ["refused"]),
        ("alter table persons drop column secret", []),
        ("alter table archive.persons drop column name", []),
        ("alter table others drop column other_id", []),
        ("alter table persons replica identity full", ["harmful"]),
        ("alter table persons replica identity default", []),
        ("alter table persons rename column name to called", ["harmful"]),
        ("alter table persons rename to people", ["harmful"]),
        ("alter table persons set schema archive", ["harmful"]),
        ("alter table others rename to notes", ["harmful"]),
        ("create table persons_new (id int); drop table persons; alter table persons_new rename to persons",
         ["afterwards", "afterwards", "harmful"]),
        ("alter table persons add column nick text", ["afterwards"]),
        ("create table pets (pet_id int)", ["afterwards"]),
        ("create table pets as select 1 as a; select 1 as a into pets_2", ["afterwards", "afterwards"]),
        ("create temp table pets (pet_id int); alter table pets drop column pet_id", []),
        ("drop table notes", ["afterwards"]),
        ("drop table if exists public.notes, others cascade", ["afterwards"]),
        ("alter table persons alter column age set default 3", ["afterwards"]),
        ("alter table persons alter column doubled set expression as (age * 3)", ["afterwards"]),
        ("alter type mood rename value 'well' to 'fine'", ["afterwards"]),
        ("alter type mood rename to moods", ["not understood"]),
        ("drop type mood cascade", ["not understood"]),
        ("drop schema public cascade", ["not understood"]),
        ("alter table persons drop constraint fk_boss", []),
        ("alter table persons drop constraint persons_pkey", ["not understood"]),
        ("drop index uq_trn", ["not understood"]),
        ("alter table persons inherit others", ["not understood"]),
        ("alter publication trw drop table persons", ["harmful"]),
        ("alter publication theirs drop table persons", []),
        ("drop publication trw", ["harmful"]),
        ("call migrate()", ["not understood"]),
        ("select migrate(), count(*) from persons", ["not understood"]),
        ("update persons set name = scramble(name)", ["not understood"]),
        ("update persons set name = upper(name) where age > 3", []),
        ("create index on persons (name); grant select on persons to public; set lock_timeout = '1s'", []),
        ("\\i other.sql\nalter table persons drop column name;", ["not understood", "refused"]),
        ("alter tabel persons drop column name; alter table persons drop column name", ["not understood", "refused"]),
        ("do $$ begin execute 'alter table ' || 'persons'; end $$", ["not understood"]),
        ("do $$ begin execute 'alter table persons drop column name'; end $$", ["refused"]),
        ("do language plpython3u 'x'", ["not understood"]),
        ("do $$ begin perform migrate(); end $$", ["not understood"]),
        ("", []),
        ("-- alter table persons drop column name;\n/* alter table /* persons */ drop column name; */ select 1;", []),
        ("select 'alter table persons drop column name;'", []),
    ],
)  # fmt: skip
def test_each_kind_of_statement(text: str, expected: list[str]) -> None:
    assert verdicts(text) == expected


def test_an_idempotent_script_of_entity_framework_is_read_inside_its_blocks() -> None:
    text = """START TRANSACTION;
DO $EF$
BEGIN
    IF NOT EXISTS(SELECT 1 FROM "__EFMigrationsHistory" WHERE "migration_id" = '20261128_Drop') THEN
    ALTER TABLE persons DROP COLUMN name;
    END IF;
END $EF$;
DO $EF$
BEGIN
    IF NOT EXISTS(SELECT 1 FROM "__EFMigrationsHistory" WHERE "migration_id" = '20261128_Drop') THEN
    INSERT INTO "__EFMigrationsHistory" (migration_id, product_version) VALUES ('20261128_Drop', '9.0');
    END IF;
END $EF$;
COMMIT;
"""
    found = migration.judge(OFFLINE, migration.read(text))
    assert [(one.line, one.verdict) for one in found] == [(2, "refused")]
    assert "select trw.release('public.persons', 'name');" in found[0].do


def test_what_the_file_lets_go_of_first_may_be_dropped() -> None:
    dropped = "alter table persons drop column name;"
    assert verdicts(f"select trw.release('public.persons', 'name'); {dropped}") == ["afterwards"]
    assert verdicts(f"{dropped} select trw.release('public.persons', 'name');") == ["refused", "afterwards"]
    assert verdicts(f"select trw.release('public.persons', 'age'); {dropped}") == ["afterwards", "refused"]
    assert verdicts(f"select trw.release('public.persons'::regclass); {dropped}") == ["afterwards"]
    assert verdicts(f"select trw.release(persons_of('x'), 'name'); {dropped}") == ["not understood"] * 2 + ["refused"]
    block = f"do $$ begin perform trw.release('public.persons', 'name'); {dropped} end $$"
    assert verdicts(block) == ["afterwards"]
    assert verdicts(f"select other.release('public.persons', 'name'); {dropped}") == ["not understood", "refused"]


def test_the_line_of_each_is_its_own() -> None:
    text = (
        "select 1;\n\n-- a comment; with a semicolon\nalter table persons\n  drop column name;\nselect $x$;$x$;\nfoo;"
    )
    found = migration.judge(OFFLINE, migration.read(text))
    assert [(one.line, one.verdict) for one in found] == [(3, "refused"), (7, "not understood")]


HARMLESS = [
    "select ';'",
    "select $$;$$",
    "select $a$ $$; $a$",
    "select E'\\';'",
    'select 1 as ";"',
    'select 1 as "a "" ;"',
    "-- it's a comment; with $$ and /*\nselect 1",
    "/* ; /* nested; ' */ $$ */ select 2",
    "select 'a\nb;\n'",
    "do $x$ begin perform 1; end $x$",
    "create function f() returns int language sql begin atomic select 1; select 2; end",
]


@given(st.lists(st.sampled_from(HARMLESS), max_size=6), st.lists(st.sampled_from(HARMLESS), max_size=6))
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_statement_is_found_wherever_it_stands_and_nothing_else_is(before: list[str], after: list[str]) -> None:
    dropped = "alter table persons drop column name"
    text = ";\n".join([*before, dropped, *after])
    found = migration.judge(OFFLINE, migration.read(text))
    line = "".join(f"{one};\n" for one in before).count("\n") + 1
    assert [(one.line, one.verdict) for one in found] == [(line, "refused")]


# -- held against PostgreSQL ---------------------------------------------------------------------------------------

TRIED = [
    "alter table persons drop column name",
    "alter table persons drop column name cascade",
    "alter table persons drop column secret",
    "alter table persons alter column name type varchar(9)",
    "alter table persons alter column secret type varchar(9)",
    "alter table persons set unlogged",
    "alter table persons alter column age set default 3",
    "alter table persons alter column name set not null",
    "alter table persons add column nick text",
    "alter table persons rename column name to called",
    "alter table persons rename to people",
    "alter table persons drop constraint persons_pkey cascade",
    "alter table persons drop constraint uq_trn",
    "alter table persons replica identity full",
    "alter table persons replica identity nothing",
    "alter table persons alter column doubled set expression as (age * 3)",
    "alter type mood rename value 'well' to 'fine'",
    "drop table notes",
    "create index on persons (name)",
    "update persons set name = upper(name)",
]


@pytest.fixture(scope="module")
def source(clusters: Databases) -> Iterator[FreshDatabases]:
    with fresh_databases(clusters, {}) as databases:
        trs = psycopg.connect(databases.source_conninfo, autocommit=True)
        trs.execute(SCHEMA.encode())
        trs.execute("create publication trw for table persons (person_id, name, age, mood, trn), notes (note_id, text)")
        trs.execute(function("trw", trs.info.user))
        yield databases
        trs.close()


@pytest.mark.slow
@pytest.mark.parametrize("statement", TRIED)
def test_postgresql_agrees(source: FreshDatabases, statement: str) -> None:
    """What it refuses is said to be refused; after what is said to be harmless the source writes as before."""
    with psycopg.connect(source.source_conninfo) as trs:
        sent = migration.from_source(trs, "trw", CLASSIFICATION)
        trs.rollback()
        said = {one.verdict for one in migration.judge(sent, migration.read(statement))}
        try:
            trs.execute(statement.encode())
            ran = True
        except psycopg.Error:
            ran = False
            trs.rollback()
        assert ran == ("refused" not in said)
        listed = trs.execute("select count(*) from pg_publication_tables where pubname = 'trw'").fetchone()
        writes = True
        if ran and "rename" not in statement:
            try:
                trs.execute("update persons set age = 1; delete from persons where person_id = 7")
            except (psycopg.errors.ObjectNotInPrerequisiteState, psycopg.errors.InvalidColumnReference):
                writes = False
        if not writes or (listed != (2,) and "drop table" not in statement):
            assert said == {"harmful"}
        trs.rollback()


@pytest.mark.slow
def test_what_it_tells_to_put_before_makes_the_migration_run(source: FreshDatabases) -> None:
    with psycopg.connect(source.source_conninfo) as trs:
        sent = migration.from_source(trs, "trw", CLASSIFICATION)
        for statement in ("alter table persons drop column name", "alter table persons alter column age type bigint"):
            (found,) = migration.judge(sent, migration.read(statement))
            before = found.do.removeprefix("Before it, in the same file: ")
            assert verdicts(f"{before} {statement}", sent) == ["afterwards"]
            if "age" in statement:
                trs.execute("alter table persons drop column doubled")
            trs.execute(before.encode())
            trs.execute(statement.encode())
        trs.rollback()


@pytest.mark.slow
def test_the_source_knows_what_the_file_does_not(source: FreshDatabases) -> None:
    with psycopg.connect(source.source_conninfo) as trs:
        sent = migration.from_source(trs, "trw", CLASSIFICATION)
    assert verdicts("alter table persons drop constraint persons_pkey", sent) == ["harmful"]
    assert verdicts("alter table persons drop constraint uq_trn; drop index uq_trn", sent) == []
    assert verdicts("select trw.release('public.persons', 'person_id')", sent) == ["refused"]


# -- the command ---------------------------------------------------------------------------------------------------


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def no_database(*_: object) -> None:
        raise AssertionError("it must not need a database")

    monkeypatch.setattr("warehouse.cli.opening.Databases", no_database)
    monkeypatch.setattr(command, "load_classification", lambda: CLASSIFICATION)
    file = tmp_path / "migration.sql"
    file.write_text("select 1;\nalter table persons drop column name;\ncall fix();\n")
    with pytest.raises(MigrationRefused) as caught:
        command.check_file(file, source=False, looked_at=None, json=False)
    assert caught.value.exit_code == 63
    assert "line 2: PostgreSQL refuses to drop persons.name: it is published; and 1 more" in caught.value.what
    shown = capsys.readouterr().out
    assert "migration.sql:2: refused" in shown
    assert "migration.sql:3: not understood" in shown
    # Also what a person has looked at is shown.
    command.check_file(file, source=False, looked_at=[2, 3], json=True)
    assert [one["line"] for one in json.loads(capsys.readouterr().out)["findings"]] == [2, 3]
    file.write_text("alter table persons add column nick text;")
    command.check_file(file, source=False, looked_at=None, json=False)
    assert "afterwards" in capsys.readouterr().out
    with pytest.raises(UsageError):
        command.check_file(tmp_path / "nothing.sql", source=False, looked_at=None, json=False)


@pytest.mark.slow
def test_the_command_asks_the_source(source: FreshDatabases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = source.settings.model_copy(update={"warehouse_replication_name": "trw"})
    monkeypatch.setattr(command, "load", lambda: own)
    monkeypatch.setattr("warehouse.cli.opening.Databases", lambda _: source)
    monkeypatch.setattr(type(source), "start", lambda _: [])
    monkeypatch.setattr(command, "load_classification", lambda: CLASSIFICATION)
    file = tmp_path / "migration.sql"
    file.write_text("alter table persons drop constraint persons_pkey;")
    with pytest.raises(MigrationRefused, match="identified by persons_pkey"):
        command.check_file(file, source=True, looked_at=None, json=False)
    with psycopg.connect(source.source_conninfo) as trs:
        trs.execute(sql.SQL("select 1"))
