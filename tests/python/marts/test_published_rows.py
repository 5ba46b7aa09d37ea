"""Rows of a published table become those of its candidate: each difference is written, and nothing else is."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, Final, cast

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from tests.python.conftest import WorldDatabases
from tests.python.marts.publishing import TODAY, make
from warehouse.core.databases import Databases
from warehouse.marts import content, publish
from warehouse.marts.nodes import Node

_PLACES: Final = "select ctid::text, xmin::text from marts.dim_one order by 1"

VALUES: Final = {
    "numbers of another scale": ("1.0::numeric", "1.00::numeric"),
    "JSON, laid out another way": ("""'{"a":1}'::json""", """'{"a": 1}'::json"""),
    "a number in JSON of another scale": ("""'{"a":1.0}'::jsonb""", """'{"a":1.00}'::jsonb"""),
    "arrays of such numbers": ("array[1.0]", "array[1.00]"),
    "intervals of equal length": ("interval '1 day'", "interval '24 hours'"),
    "nothing and an empty text": ("null::text", "''::text"),
    "nothing and a number": ("null::integer", "0"),
    "letters composed another way": ("U&'\\00e9'", "U&'e\\0301'"),
    "a blank at the end": ("'a'::text", "'a '::text"),
    "days": ("date '2026-09-30'", "date '2026-10-01'"),
    "no end and a day": ("'infinity'::date", "date '9999-12-31'"),
    "minus nought": ("0::float8", "'-0'::float8"),
}


@pytest.mark.parametrize("case", VALUES)
def test_values_that_are_written_another_way_are_published(prepared: WorldDatabases, case: str) -> None:
    """Also where PostgreSQL says that they are equal."""
    before, after = VALUES[case]
    for value in (before, after):
        query = f"select 1 as one, {value} as value"
        make(prepared, marts__dim_one=query.replace("{", "{{").replace("}", "}}"))
    with prepared.warehouse() as connection:
        row = connection.execute(
            f"select value::text is not distinct from ({after})::text from marts.dim_one"
        ).fetchone()
    assert row == (True,)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("(1), (1), (2)", "(1), (2), (2)"),
        ("(1), (2)", "(2), (1), (1)"),
        ("(null), (null)", "(null)"),
        ("(1), (4)", "(2), (3)"),
    ],
)
def test_rows_count_as_often_as_they_are_there(prepared: WorldDatabases, before: str, after: str) -> None:
    rows = "select n::integer as n from (values {}) as given (n)"
    make(prepared, marts__dim_one=rows.format(before))
    make(prepared, marts__dim_one=rows.format(after))
    with prepared.warehouse() as connection:
        found = connection.execute("select n from marts.dim_one").fetchall()
        wanted = connection.execute(rows.format(after).encode()).fetchall()
    assert Counter(found) == Counter(wanted)


def test_values_that_change_places_between_rows_are_published(two: Databases) -> None:
    """Each column has the values that it had, and no row is the one that it was."""
    published, wanted = sql.Identifier("public", "published"), sql.Identifier("public", "candidate")
    columns, texts = ("n", "label", "part"), sql.SQL("select n, label, part from {}")
    for number in range(200):
        one, other = (number, f"a{number}", number * 3), (number + 1, f"b{number}", number * 5)
        with two.warehouse() as connection, connection.transaction(force_rollback=True):
            _as_of_a_build(connection)
            _fill(connection, published, [one, other])
            _fill(connection, wanted, [(one[0], *other[1:]), (other[0], *one[1:])])
            assert content.change_rows(connection, published, wanted, columns) == 4, number
            found = Counter(connection.execute(texts.format(published)).fetchall())
            assert found == Counter(connection.execute(texts.format(wanted)).fetchall())


def test_numbers_that_share_a_half_are_published(prepared: WorldDatabases) -> None:
    """PostgreSQL's own digests of bigint and of times fold two halves into one: those of these are the same."""
    for value in ("1::bigint", "4294967296::bigint"):
        make(prepared, marts__dim_one=f"select {value} as n, timestamp 'epoch' + {value} * interval '1 us' as t")
    with prepared.warehouse() as connection:
        assert connection.execute("select n from marts.dim_one").fetchone() == (4294967296,)


def test_a_table_whose_rows_are_the_same_is_not_written(prepared: WorldDatabases) -> None:
    rows = "select i as n, 'x' || i as label, i::numeric / 3 as part from generate_series(1, 50) as i"
    make(prepared, marts__dim_one=rows)
    with prepared.warehouse() as connection:
        before = connection.execute(_PLACES).fetchall()
    make(prepared, marts__dim_one=f"{rows} order by 1 desc")
    with prepared.warehouse() as connection:
        assert connection.execute(_PLACES).fetchall() == before


def test_rows_that_no_build_wrote_are_written_again(prepared: WorldDatabases) -> None:
    """They look the same, and whoever asks who wrote them would hear of somebody else."""
    make(prepared, marts__dim_one="select 1 as n")
    with prepared.warehouse() as connection:
        connection.execute("update marts.dim_one set n = n")
        before = connection.execute(_PLACES).fetchall()
    make(prepared, marts__dim_one="select 1 as n")
    with prepared.warehouse() as connection:
        assert connection.execute(_PLACES).fetchall() != before


def test_the_planner_knows_each_table_that_was_written(prepared: WorldDatabases) -> None:
    sizes = {f"dim_{n}": n for n in range(1, 8)}
    make(prepared, **{f"marts__{name}": f"select i from generate_series(1, {n}) as i" for name, n in sizes.items()})
    with prepared.warehouse() as connection:
        found = connection.execute(
            "select relname::text, reltuples::integer from pg_class where relnamespace = 'marts'::regnamespace"
        ).fetchall()
    assert dict(found) == sizes


def test_whoever_stops_a_build_does_not_wait_for_each_table_to_be_vacuumed() -> None:
    class Stopped:
        def execute(self, _: object) -> None:
            raise KeyboardInterrupt

    class AtWork:
        tables = 0

        def execute(self, _: object) -> None:
            self.tables += 1
            time.sleep(0.05)

    at_work = AtWork()
    nodes = [Node("candidate_marts", f"dim_{number}", "table", {}) for number in range(100)]
    with pytest.raises(KeyboardInterrupt):
        publish._vacuum(cast(Any, (Stopped(), at_work)), nodes)
    assert at_work.tables < len(nodes) - 1


_ROW: Final = st.tuples(
    st.one_of(st.none(), st.integers(-3, 3)),
    st.one_of(st.none(), st.sampled_from(["", " ", "a", "A", "é", "e\u0301"])),
    st.one_of(st.none(), st.sampled_from(["1", "1.0", "1.00", "-1"])),
)


@pytest.fixture
def two(prepared: WorldDatabases) -> Databases:
    """Two tables of one form."""
    with prepared.warehouse() as connection:
        for name in ("published", "candidate"):
            connection.execute(f"create table public.{name} (n integer, label text, part numeric)".encode())
    return prepared


def test_whatever_is_there_becomes_what_is_wanted(two: Databases) -> None:
    published, wanted = sql.Identifier("public", "published"), sql.Identifier("public", "candidate")
    columns = ("n", "label", "part")
    seen = Counter[bool]()

    @settings(max_examples=150, deadline=None, print_blob=True)
    @given(before=st.lists(_ROW, max_size=5), after=st.lists(_ROW, max_size=5), same=st.booleans())
    def check(before: list[Any], after: list[Any], same: bool) -> None:
        after = list(reversed(before)) if same else after
        with two.warehouse() as connection, connection.transaction(force_rollback=True):
            _as_of_a_build(connection)
            _fill(connection, published, before)
            _fill(connection, wanted, after)
            written = content.change_rows(connection, published, wanted, columns)
            texts = sql.SQL("select n::text, label, part::text from {}")
            found = Counter(connection.execute(texts.format(published)).fetchall())
            assert found == Counter(connection.execute(texts.format(wanted)).fetchall())
            assert (written == 0) is (Counter(before) == Counter(after))
            seen[written > 0] += 1

    check()
    assert seen[True] and seen[False]


def _as_of_a_build(connection: psycopg.Connection) -> None:
    """What this transaction writes counts as a build's: rows of anybody else are written again, whatever they are."""
    connection.execute(
        "insert into ledger.builds (as_at, project_sha256, published_xid) values (%s, '', pg_current_xact_id())",
        (TODAY,),
    )


def _fill(connection: psycopg.Connection, table: sql.Identifier, rows: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(sql.SQL("insert into {} values (%s, %s, %s)").format(table), rows)
