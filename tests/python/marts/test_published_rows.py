"""Rows of a published table become those of its candidate: each difference is written, and nothing else is."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from tests.python.conftest import WorldDatabases
from tests.python.marts.publishing import make
from warehouse.core.databases import Databases
from warehouse.marts import content

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
            _fill(connection, published, before)
            _fill(connection, wanted, after)
            written = content.change_rows(connection, published, wanted, columns)
            texts = sql.SQL("select n::text, label, part::text from {}")
            found = Counter(connection.execute(texts.format(published)).fetchall())
            assert found == Counter(connection.execute(texts.format(wanted)).fetchall())
            seen[written > 0] += 1

    check()
    assert seen[True] and seen[False]


def _fill(connection: psycopg.Connection, table: sql.Identifier, rows: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(sql.SQL("insert into {} values (%s, %s, %s)").format(table), rows)
