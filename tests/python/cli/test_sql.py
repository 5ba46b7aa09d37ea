"""`warehouse sql`: it asks and changes nothing, and every value comes as the server writes it."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from tests.python.cli.asking import Ask
from tests.python.conftest import FreshDatabases
from warehouse.cli.output import print_json
from warehouse.core.errors import QueryTooLong, SettingsError, UsageError

EVERY_TYPE = """
select format('%s::%s', quote_literal(v.text), v.type), v.type from (values
    ('t', 'boolean'), ('1', 'smallint'), ('-7', 'integer'), ('9007199254740993', 'bigint'), ('7', 'oid'),
    ('1.50', 'numeric'), ('NaN', 'numeric'), ('Infinity', 'numeric'), ('1e400', 'numeric'),
    ('1.5', 'real'), ('NaN', 'real'), ('1e300', 'double precision'), ('NaN', 'double precision'),
    ('Infinity', 'double precision'), ('-Infinity', 'double precision'), ('0.1', 'double precision'),
    ('12.30', 'money'), ('', 'text'), ('NULL', 'text'), ('\\.', 'text'), ('a,"b"', 'varchar'), ('x', 'char(3)'),
    ('pg_class', 'name'), ('q', '"char"'), ('\\xdeadbeef', 'bytea'), ('', 'bytea'),
    ('2020-02-29', 'date'), ('infinity', 'date'), ('0044-03-15 BC', 'date'), ('12026-01-01', 'date'),
    ('10:00', 'time'), ('24:00', 'time'), ('10:00+01', 'timetz'), ('infinity', 'timestamp'),
    ('2020-01-01 10:00', 'timestamp'), ('-infinity', 'timestamptz'), ('12026-01-01 00:00+00', 'timestamptz'),
    ('1 year -3 days 04:05:06.789', 'interval'), ('3f0c1f1e-0000-4000-8000-000000000000', 'uuid'),
    ('{"a": null, "b": [1, 2.50]}', 'json'), ('{"a": null, "n": 1e400}', 'jsonb'), ('null', 'jsonb'),
    ('"x"', 'jsonb'), ('$.a', 'jsonpath'), ('<a/>', 'xml'), ('{x,NULL,""}', 'text[]'), ('{{1,2},{3,4}}', 'int[]'),
    ('{}', 'uuid[]'), ('[0:1]={1,2}', 'int[]'), ('[1,5)', 'int4range'), ('empty', 'daterange'), ('(,)', 'tsrange'),
    ('{[1,3),[5,7)}', 'int4multirange'), ('10.0.0.1/8', 'inet'), ('10.0.0.0/8', 'cidr'),
    ('08:00:2b:01:02:03', 'macaddr'), ('08:00:2b:01:02:03:04:05', 'macaddr8'), ('101', 'bit(3)'), ('10', 'varbit'),
    ('(1,2)', 'point'), ('{1,2,3}', 'line'), ('[(0,0),(1,1)]', 'lseg'), ('(1,1),(0,0)', 'box'),
    ('((0,0),(1,1))', 'path'), ('((0,0),(1,1),(1,0))', 'polygon'), ('<(0,0),1>', 'circle'),
    ('a fat cat', 'tsvector'), ('fat & cat', 'tsquery'), ('0/16B3748', 'pg_lsn'), ('10:20:10,14', 'pg_snapshot'),
    ('7', 'xid'), ('7', 'xid8'), ('7', 'cid'), ('(0,1)', 'tid'), ('pg_class', 'regclass'), ('int4', 'regtype'),
    ('1 2', 'int2vector'), ('1 2', 'oidvector')
) as v (text, type)
"""
_WITH_XML = "select setting from pg_config() where name = 'CONFIGURE'"


def literals(prepared: FreshDatabases) -> list[tuple[str, str]]:
    with prepared.at_warehouse() as connection:
        rows = connection.execute(EVERY_TYPE.encode()).fetchall()
        with_xml = "xml" in str(connection.execute(_WITH_XML).fetchone())
    return [(str(one), str(type_)) for one, type_ in rows if with_xml or type_ != "xml"]


def test_every_type_is_written_as_copy_writes_it(ask: Ask, prepared: FreshDatabases) -> None:
    """Each built-in type with its odd values, against COPY; true and false are words."""
    every = literals(prepared)
    columns = ", ".join(f"{literal} as c{number}" for number, (literal, _) in enumerate(every))
    query = f"select {columns}, null::text as nothing, row(1, 'a b', null) as composite, array[true] as flags"
    with (
        prepared.warehouse() as connection,
        connection.cursor().copy(
            f"copy ({query.replace(every[0][0], chr(39) + 'true' + chr(39), 1)}) to stdout (format csv)".encode()
        ) as copy,
    ):
        wanted = b"".join(bytes(piece) for piece in copy).decode()
    told = ask("--format", "csv", query)
    assert told.code == 0, told.err
    assert told.out.split("\n", 1)[1] == wanted
    assert ask(query).code == 0


def test_every_type_has_a_json_form(ask: Ask, prepared: FreshDatabases) -> None:
    every = literals(prepared)
    with prepared.warehouse() as connection:
        texts = [
            connection.execute(f"select ({literal})::text, to_json({literal})".encode()).fetchall()[0][0]
            for literal, _ in every
        ]
    for (literal, type_), text in zip(every, texts, strict=True):
        told = ask("--json", f"select {literal} as v")
        assert told.code == 0, (literal, told.err)
        ((value,),) = [list(one.values()) for one in json.loads(told.out, parse_constant=pytest.fail, parse_float=str)]
        if type_ in ("boolean", "smallint", "integer", "bigint", "oid", "json", "jsonb"):
            assert value == json.loads(text, parse_float=str), literal
        else:
            assert (value.rstrip() if type_ == "char(3)" else value) == text, literal


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.none() | st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=6)))
def test_null_and_empty_text_are_told_apart(ask: Ask, values: list[str | None]) -> None:
    listed = ", ".join(
        "null" if value is None else f"convert_from('\\x{value.encode().hex()}', 'UTF8')" for value in values
    )
    query = f"select v from unnest(array[{listed}]::text[]) with ordinality as u (v, n) order by n"
    told = ask("--format", "csv", query)
    lines = list(csv.reader(io.StringIO(told.out, newline=""), strict=True))
    assert [line[0] if line else "" for line in lines] == ["v", *[value or "" for value in values]]
    assert told.out.count('\n""') >= sum(value == "" for value in values)
    assert [one["v"] for one in json.loads(ask("--json", query).out)] == values


CHANGES = [
    "update persons set last_name = 'EVALUATOR'",
    "delete from persons",
    "truncate persons",
    "drop table persons",
    "create table persons_too (x int)",
    "create temporary table t (x int)",
    "insert into users (user_id) values (gen_random_uuid()) returning 1",
    "with gone as (delete from persons returning 1) select * from gone",
    "explain analyze delete from persons",
    "select setval('trs_seq', 1)",
    "select nextval('pg_catalog.pg_class_seq')",
    "copy persons from stdin",
    "do $$ begin update persons set last_name = 'EVALUATOR'; end $$",
    "do $$ begin execute 'set transaction read write'; delete from persons; end $$",
    "do $$ begin perform set_config('transaction_read_only', 'off', true); delete from persons; end $$",
    "do $$ begin commit; delete from persons; end $$",
    "set transaction read write",
    "vacuum persons",
    "alter system set work_mem = '64MB'",
    "create database more",
    "select pg_read_file('PG_VERSION')",
    "copy (select 1) to '/tmp/trw_sql_test'",
    "copy (select 1) to program 'cat > /tmp/trw_sql_test'",
    "select pg_create_physical_replication_slot('mine')",
    "select pg_drop_replication_slot('mine')",
    "select lo_create(0)",
    "select pg_reload_conf()",
    "select pg_switch_wal()",
    "select 1; delete from persons",
    "commit; delete from persons",
    "rollback; set default_transaction_read_only = off; delete from persons",
    "copy (select 1) to stdout; delete from persons",
    # There is no superuser's right to take again.
    "reset role; select pg_read_file('PG_VERSION')",
    "set session authorization default; select pg_reload_conf()",
    "do $$ begin reset role; perform pg_read_file('PG_VERSION'); end $$",
    "/* a comment */ do $$ begin set local role none; perform pg_reload_conf(); end $$",
    "\\dt",
    "",
    "  -- nothing\n ; ",
]


@pytest.mark.parametrize("where", [[], ["--source"]])
def test_nothing_can_be_changed(where: list[str], ask: Ask, prepared: FreshDatabases) -> None:
    for statement in CHANGES:
        told = ask(*where, "--", statement)
        assert told.code == UsageError.exit_code, (statement, told)
        assert "Nothing was changed" in told.err and "UnexpectedFailure" not in told.err
    assert not Path("/tmp/trw_sql_test").exists()  # noqa: S108
    with prepared.at_source() as trs:
        tables = trs.execute("select to_regclass('persons')::text, to_regclass('persons_too')::text").fetchone()
        assert tables == ("persons", None)
        assert trs.execute("select slot_name from pg_replication_slots where slot_name = 'mine'").fetchall() == []


def test_a_statement_that_ends_the_transaction_leaves_nothing_behind(ask: Ask, prepared: FreshDatabases) -> None:
    for statement in ("commit", "rollback", "set session_replication_role = replica"):
        ask("--source", statement)
    assert json.loads(ask("--source", "--json", "select count(*) from persons").out) == [{"count": 0}]


def test_the_words_of_a_refusal(ask: Ask) -> None:
    changed = ask("--source", "update persons set last_name = 'x'").err
    assert "read-only transaction" in changed and "only reads" in changed
    assert "The statement is empty" in ask("").err
    date = ask("select '31/12/2020'::date").err
    assert "DateStyle" not in date and "2020-12-31" in date
    assert "at line 2, column 3" in ask("select 1,\n  nonsense").err
    near = ask("--source", "select * from person").err
    assert "public.persons" in near
    assert "ledger.builds" in ask("select * from builds").err


def test_a_name_that_is_nearly_right_is_answered_with_those_that_are(ask: Ask, prepared: FreshDatabases) -> None:
    with prepared.at_warehouse() as connection:
        connection.execute(
            """
            create schema marts;
            create table marts.fct_professional_status (
                professional_status text, route_type_id text, awarded_date date
            );
            create table marts.dim_person (trn text, last_name text);
            create schema marts_open;
            create view marts_open.dim_person as select trn from marts.dim_person;
            """
        )
    asked = ask("select status_type from marts.fct_professional_status").err
    assert "No column status_type in fct_professional_status; did you mean professional_status" in asked
    assert "did you mean awarded_date?" in ask("select s.award_date from marts.fct_professional_status as s").err
    joined = "select surname_last from marts.fct_professional_status join marts.dim_person on true"
    assert "in dim_person or fct_professional_status; did you mean last_name?" in ask(joined).err
    for wrong in ("mart.dim_person", "dim_persons", "marts.person", "marts.dim_persno"):
        told = ask(f"select * from {wrong}").err
        assert "Did you mean marts.dim_person" in told and "marts_open" not in told, wrong
        assert "warehouse tables" in told
    assert "single quotes: 'Ann'" in ask('select 1 from marts.dim_person where last_name = "Ann"').err
    assert "Correct the statement" in ask("select zzz from marts.dim_person").err
    with prepared.at_warehouse() as connection:
        connection.execute("drop schema marts, marts_open cascade")


def test_every_answer_of_several_statements_is_printed(ask: Ask, tmp_path: Path) -> None:
    several = "select 1 as a, 'x;y' as b; -- two\nset local search_path = pg_catalog; select 2 as c where false;"
    assert json.loads(ask("--json", several).out) == [[{"a": 1, "b": "x;y"}], [{"status": "SET"}], []]
    assert ask("--format", "csv", several).out == "a,b\n1,x;y\n\nstatus\nSET\n\nc\n"
    table = ask(several).out
    assert [table.index(word) for word in ("x;y", "SET", "c")] == sorted(table.index(w) for w in ("x;y", "SET", "c"))
    mixed = ask("--format", "csv", "select 1 as a; copy (select 'two') to stdout; select 3 as b")
    assert mixed.out == "a\n1\ntwo\n\nb\n3\n"
    file = tmp_path / "q.sql"
    file.write_text("select 1;\n\n  select 2;\nselect nonsense;\nselect 4;\n")
    wrong = ask("--file", str(file))
    assert wrong.code == UsageError.exit_code and "at line 4, column 8" in wrong.err and "4" not in wrong.out
    assert ask("select 1; commit; select 2").code == UsageError.exit_code


def test_a_question_has_a_time_limit(ask: Ask, prepared: FreshDatabases) -> None:
    """The server stops it; a statement cannot give the next one longer."""
    for statement in ("select pg_sleep(600)", "set statement_timeout = 0; select pg_sleep(600)"):
        for where in ([], ["--source"]):
            told = ask("--minutes", "0.01", *where, statement)
            assert told.code == QueryTooLong.exit_code == 47, told
            assert "--minutes" in told.err
    prepared.settings = prepared.settings.model_copy(update={"warehouse_sql_minutes": 0.01})
    assert ask("select pg_sleep(300); select pg_sleep(300)").code == QueryTooLong.exit_code


def test_an_engineer_may_write_all_or_nothing(ask: Ask, prepared: FreshDatabases) -> None:
    made = "create table notes (n int); insert into notes values (1), (2)"
    assert ask(made).code == UsageError.exit_code
    assert ask("--write", f"{made}; select nonsense").code == UsageError.exit_code
    assert ask("select * from notes").code == UsageError.exit_code, "nothing of it stayed"
    assert ask("--write", made).code == 0
    assert json.loads(ask("--json", "select count(*) from public.notes").out) == [{"count": 2}]
    with prepared.at_warehouse() as connection:
        connection.execute("drop table notes")


def test_rows_are_written_from_standard_input(
    ask: Ask, prepared: FreshDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    with prepared.at_warehouse() as connection:
        connection.execute("create table loaded (n int, t text)")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"1,a\n2,b\n")))
    assert ask("--write", "copy loaded from stdin (format csv)").code == 0
    assert ask("--format", "csv", "select * from public.loaded order by n").out == "n,t\n1,a\n2,b\n"


def test_the_source_is_only_read_and_off_where_it_is_real(ask: Ask, prepared: FreshDatabases) -> None:
    assert ask("--source", "--write", "delete from persons").code == UsageError.exit_code
    url = SecretStr(prepared.source_conninfo)
    prepared.settings = prepared.settings.model_copy(update={"trs_database_url": url})
    refused = ask("--source", "select 1")
    assert refused.code == SettingsError.exit_code and "WAREHOUSE_SQL_SOURCE" in refused.err
    with prepared.at_source() as administrator:
        administrator.execute("create role sql_source_reader login password 'p'")
    prepared.settings = prepared.settings.model_copy(update={"warehouse_sql_source": True})
    own = make_conninfo(prepared.source_conninfo, user="sql_source_reader", password="p")
    administrators = prepared.lead_to("trs", own)
    told = ask("--source", "--json", "select current_user as me")
    prepared.lead_to("trs", administrators)
    assert json.loads(told.out) == [{"me": "sql_source_reader"}], told
    with prepared.at_source() as administrator:
        administrator.execute("drop role sql_source_reader")


def test_an_analyst_needs_the_warehouses_address_alone(
    ask: Ask, prepared: FreshDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither an embedded server is started nor the operational database asked for."""
    url = SecretStr(prepared.warehouse_conninfo)
    prepared.settings = prepared.settings.model_copy(update={"warehouse_database_url": url})
    monkeypatch.setattr(prepared, "start", lambda: pytest.fail("it started a server"))
    monkeypatch.setattr(prepared, "source", lambda: pytest.fail("it asked the source"))
    assert json.loads(ask("--json", "select 1 as a").out) == [{"a": 1}]


def test_copy_to_stdout_is_the_servers_own(ask: Ask) -> None:
    told = ask("/* as it is */ copy (select 1, null, '', 'a;b') to stdout (format csv, delimiter ';')")
    assert (told.code, told.out) == (0, '1;;"";"a;b"\n')


def test_from_a_file_and_from_standard_input(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "q.sql"
    file.write_text("-- two\nselect 2 as n;\n")
    assert json.loads(ask("--json", "--file", str(file)).out) == [{"n": 2}]
    monkeypatch.setattr("sys.stdin", io.StringIO("select 3 as n"))
    assert json.loads(ask("--json", "-").out) == [{"n": 3}]
    assert ask("--json").code == ask("--file", str(file), "select 1").code == UsageError.exit_code


def test_other_statements_that_read(ask: Ask) -> None:
    assert ask("--format", "csv", "show timezone").out == "TimeZone\nUTC\n"
    assert json.loads(ask("--json", "select 1 as a where false").out) == []
    assert ask("--format", "csv", "select 1 as a where false").out == "a\n"
    assert "Seq Scan" in ask("--source", "explain select * from persons").out
    assert ask("values (1, 'a'), (2, 'b')").code == 0


def test_a_long_table_ends_and_says_so(ask: Ask) -> None:
    told = ask("select generate_series(1, 1001)")
    assert "1,000" in told.out and "1,001" not in told.out
    assert "there are more" in told.err
    assert ask("select generate_series(1, 1000)").err == ""


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "json"])
def test_memory_does_not_grow_with_the_answer(form: str, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    class Nowhere(io.StringIO):
        def write(self, text: str) -> int:
            return len(text)

    monkeypatch.setattr("sys.stdout", Nowhere())
    peaks = []
    for rows in (5_000, 50_000):
        tracemalloc.start()
        ask("--format", form, f"select n, 'some text ' || n as t from generate_series(1, {rows}) as n")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2 * peaks[0]


def test_json_of_every_command_has_no_nan(capsys: pytest.CaptureFixture[str]) -> None:

    print_json(
        {"a": [float("nan"), float("inf"), -float("inf"), 1.5], "t": time(10), "d": timedelta(hours=1), "b": b"\xde"}
    )
    value: dict[str, Any] = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert value == {"a": ["NaN", "Infinity", "-Infinity", 1.5], "t": "10:00:00", "d": "1:00:00", "b": "\\xde"}
