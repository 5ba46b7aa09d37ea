"""The comparison of content: every kind of difference is found, with exactly its keys, whatever the keys are."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.python.conftest import WorldDatabases, make_databases
from warehouse.core.databases import Databases
from warehouse.core.json_rule import VALUE, JsonRule
from warehouse.core.postgres.binaries import system_folders
from warehouse.replicate.catalog import relations
from warehouse.replicate.compare import Keys, SourceSnapshot, TableComparison, TableSpec, WarehouseState, engine, tables
from warehouse.replicate.compare.ranges import Differences, KeyedRow, differing, merge, range_bits
from warehouse.replicate.compare.row_hash import Method, method_for

ROWS = 400

THINGS = """
create table things (
    id uuid primary key, t text, v character varying(50), c character(9), p bpchar, b boolean, i integer, s smallint,
    l bigint, n numeric, f double precision, d date, ts timestamp with time zone, tl timestamp(3) without time zone,
    j jsonb, a uuid[], x bytea, iv interval
)
"""

FILL = """
insert into things
select md5(n::text)::uuid, 'Ada ' || n, case when n %% 3 > 0 then 'Smith' end, 'QQ123456C', 'a', n %% 2 = 0, n,
    n %% 50 + 500, -1, 1.1, 0, date '2020-01-01' + n,
    timestamptz '2000-01-01 00:00:00+00' + n * interval '8589934592 microseconds',
    '0044-03-15 BC', '{"a": 1.0}', array[md5(n::text)::uuid], '\\x00', interval '1 day'
from generate_series(1, %s) as n
"""


def key(number: int) -> str:
    """The key of a row of `things`."""
    return str(uuid.UUID(hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()))


@pytest.fixture
def both(databases: Databases) -> Databases:
    """The same rows on both sides, without replication."""
    for connect in (databases.at_source, databases.at_warehouse):
        with connect() as connection:
            connection.execute(THINGS.encode())
            connection.execute(FILL.encode(), (ROWS,))
    return databases


def spec_of(databases: Databases, table: str = "things", **rest: object) -> TableSpec:
    with databases.at_source() as trs:
        columns = relations.read_tables(trs, "public")[table]
    return TableSpec("public", table, tuple(columns.values()), tuple(relations.key_of(columns)), **rest)  # type: ignore[arg-type]


def compared(databases: Databases, spec: TableSpec, *, likely_equal: bool = False) -> TableComparison:
    source_, warehouse = SourceSnapshot(databases.source, None), WarehouseState(databases.warehouse)
    return tables([spec], source_, warehouse, likely_equal=likely_equal)[0]


def found(result: TableComparison) -> dict[str, set[tuple[str, ...]]]:
    return {"missing": set(result.missing), "extra": set(result.extra), "changed": set(result.changed)}


DIFFERENCES = {
    "case only": "t = upper(t)",
    "a blank": "t = t || ' '",
    "null and empty": "v = ''",
    "null and false": "b = null",
    "zero and minus zero": "f = '-0'",
    "trailing zeros": "n = 1.10",
    "trailing zeros in JSON": """j = '{"a": 1.00}'""",
    "null in JSON": """j = '{"a": 1.0, "b": null}'""",
    "infinity": "d = 'infinity'",
    "minus infinity": "ts = '-infinity'",
    "one microsecond": "ts = ts + interval '1 microsecond'",
    "halves of a timestamp": "ts = ts + interval '4294967297 microseconds'",
    "halves of an integer": "l = 4294967295",
    "dimensions of an array": "a = array[a]",
    "a null in an array": "a = a || array[null::uuid]",
    "a day and its hours": "iv = interval '24 hours'",
    "bytes": r"x = '\x0000'",
    "blanks at the end": "p = 'a '",
    "swapped columns": "i = s, s = i",
    "moved to another column": "t = v, v = t",
}


@pytest.mark.slow
@pytest.mark.parametrize("method", Method)
def test_every_difference_is_found(both: Databases, method: Method, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "method_for", lambda *_: method)
    spec = spec_of(both)
    equal = compared(both, spec)
    assert equal.is_equal
    assert equal.source_rows == equal.warehouse_rows == ROWS
    with both.at_source() as trs, both.at_warehouse() as warehouse:
        for number, (what, change) in enumerate(DIFFERENCES.items(), start=1):
            # Every third row has a null in `v`.
            row = (key(3 * number),)
            warehouse.execute(f"update things set {change} where id = %s".encode(), row)
            for likely_equal in (False, True):
                result = compared(both, spec, likely_equal=likely_equal)
                assert found(result) == {"missing": set(), "extra": set(), "changed": {row}}, what
            for connection in (trs, warehouse):
                connection.execute("delete from things where id = %s", row)
    assert compared(both, spec).is_equal


@pytest.mark.slow
def test_two_rows_that_swap_a_value_are_noticed(both: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a plain sum of the columns' hashes they would cancel out, when both are in one range."""
    monkeypatch.setattr(engine, "range_bits", lambda _: 0)
    spec = spec_of(both)
    with both.at_warehouse() as warehouse:
        warehouse.execute("update things set t = 'Ada ' || 3 - i where i in (1, 2)")
    for likely_equal in (False, True):
        result = compared(both, spec, likely_equal=likely_equal)
        assert result.ranges == 1
        assert set(result.changed) == {(key(1),), (key(2),)}


@pytest.mark.slow
def test_ranges_are_made_only_of_a_table_that_differs(both: Databases) -> None:
    spec = spec_of(both)
    assert compared(both, spec).ranges > 1
    assert compared(both, spec, likely_equal=True).ranges == 1
    with both.at_warehouse() as warehouse:
        warehouse.execute("delete from things where id = %s", (key(7),))
    result = compared(both, spec, likely_equal=True)
    assert (found(result)["missing"], result.differing_ranges) == ({(key(7),)}, 1)
    assert result.ranges > 1


SAME_WHEN_FOLDED = (
    ("2019-02-02 12:38:02.367162", "2019-02-02 11:26:27.399867"),
    ("4713-01-01 BC", "4713-01-02 BC"),
    ("2026-03-01 00:00:00", "2026-03-01 00:00:00.001"),
)
"""Pairs of times; PostgreSQL's own hash, which folds them, cannot tell the first two whatever they are folded with."""


@pytest.mark.slow
def test_no_two_times_have_one_hash(both: Databases) -> None:
    spec = spec_of(both)
    for there, here in SAME_WHEN_FOLDED:
        for connect, value in ((both.at_source, there), (both.at_warehouse, here)):
            with connect() as connection:
                connection.execute("update things set tl = %s, ts = %s where i = 1", (value, "2026-01-01 00:00+00"))
        assert set(compared(both, spec).changed) == {(key(1),)}, there
        with both.at_warehouse() as connection:
            connection.execute("update things set tl = %s where i = 1", (there,))
        assert compared(both, spec).is_equal


KEYED = {
    "text": (
        "create table keyed (k text primary key, v int)",
        "case n % 4 when 0 then 'ä' when 1 then 'A' when 2 then 'a' else '\U0001f600' end || n",
    ),
    "bigint": ("create table keyed (k bigint primary key, v int)", "(n - 500) * 4294967297"),
    "composite": (
        "create table keyed (w int, k text, u date, v int, primary key (u, k))",
        "n % 7, 'k' || n % 100, date '2020-01-01' + n / 100",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KEYED)
def test_missing_extra_and_changed_are_told_apart(databases: Databases, kind: str) -> None:
    create, keys = KEYED[kind]
    for connect in (databases.at_source, databases.at_warehouse):
        with connect() as connection:
            connection.execute(create.encode())
            connection.execute(f"insert into keyed select {keys}, n from generate_series(1, 1000) as n".encode())
    spec = spec_of(databases, "keyed")
    shown = ", ".join(f"{name}::text" for name in spec.key)
    expected = {}
    with databases.at_source() as trs, databases.at_warehouse() as warehouse:
        for connection, kind_, condition in ((trs, "extra", "v % 100 = 3"), (warehouse, "missing", "v % 90 = 5")):
            expected[kind_] = set(
                connection.execute(f"delete from keyed where {condition} returning {shown}".encode()).fetchall()
            )
        expected["changed"] = set(
            warehouse.execute(
                f"update keyed set v = -v where v % 80 = 7 and v % 100 <> 3 returning {shown}".encode()
            ).fetchall()
        )
    result = compared(databases, spec)
    assert found(result) == expected
    assert result.source_rows == 990
    assert 0 < result.differing_ranges <= result.ranges


@pytest.fixture
def with_icu(short_folder: Path) -> Iterator[WorldDatabases]:
    """Both databases on the system's PostgreSQL, which is built with ICU; the built-in one is not."""
    folders = system_folders()
    if not folders:
        pytest.skip("no system PostgreSQL is installed: collations that call different texts equal are not tested")
    made = make_databases(short_folder / "icu", warehouse_postgres_bin=folders[0])
    made.start()
    yield made
    made.stop()


@pytest.mark.slow
def test_collations_that_call_texts_equal_do_not_hide_a_difference(with_icu: WorldDatabases) -> None:
    databases = with_icu
    for connect in (databases.at_source, databases.at_warehouse):
        with connect() as connection:
            connection.execute(
                "create collation insensitive (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
            )
            connection.execute(
                "create table keyed (k varchar(9) collate insensitive primary key, v text collate insensitive)"
            )
            connection.execute("insert into keyed values ('a', 'Ada'), ('B', 'Bob')")
    with databases.at_warehouse() as warehouse:
        warehouse.execute("update keyed set v = 'ADA' where k = 'a'")
        warehouse.execute("update keyed set k = 'b' where k = 'B'")
    assert found(compared(databases, spec_of(databases, "keyed"))) == {
        "missing": {("B",)},
        "extra": {("b",)},
        "changed": {("a",)},
    }


@pytest.mark.slow
def test_keys_that_stay_behind_are_no_difference(both: Databases) -> None:
    rule = JsonRule({"a": {VALUE: True, "b": True}, "c": True})
    with both.at_source() as trs, both.at_warehouse() as warehouse:
        trs.execute("""update things set j = '{"a": {"key": "hidden", "b": 2}, "c": 3}' where i <= 2""")
        warehouse.execute("""update things set j = '{"a": {"b": 2}, "c": 3}' where i <= 2""")
        assert set(compared(both, spec_of(both)).changed) == {(key(1),), (key(2),)}
        spec = spec_of(both, json_rules={"j": rule})
        assert compared(both, spec).is_equal
        warehouse.execute("""update things set j = '{"a": {"b": 2}, "c": 4}' where i = 2""")
        assert set(compared(both, spec).changed) == {(key(2),)}


@pytest.mark.slow
def test_a_widened_column_is_compared_by_its_text(both: Databases) -> None:
    with both.at_warehouse() as warehouse:
        warehouse.execute("alter table things alter s type bigint, alter v type text")
        assert compared(both, spec_of(both, differently_typed=frozenset({"s"}))).is_equal
        warehouse.execute("update things set s = 4294967296 + s where i = 9")
    result = compared(both, spec_of(both, differently_typed=frozenset({"s"})))
    assert set(result.changed) == {(key(9),)}


@pytest.mark.slow
def test_all_rows_may_differ(both: Databases) -> None:
    with both.at_warehouse() as warehouse:
        warehouse.execute("update things set i = i + 1")
    result = compared(both, spec_of(both))
    assert len(result.changed) == ROWS == len(set(result.changed))
    assert len(result.changed.first(20)) == 20


@pytest.mark.slow
def test_a_table_truncated_after_the_snapshot_is_not_taken_for_an_empty_one(both: Databases) -> None:
    spec = spec_of(both)
    with both.at_source() as trs:
        trs.execute("begin isolation level repeatable read read only")
        row = trs.execute("select pg_export_snapshot()").fetchone()
        assert row is not None
        at = SourceSnapshot(both.at_source, row[0])
        assert not tables([spec], at, WarehouseState(both.at_warehouse))[0].rewritten
        with both.at_source() as other:
            other.execute("update things set t = 'later' where i = 1")
            # What is committed after the snapshot is not seen.
            assert tables([spec], at, WarehouseState(both.at_warehouse))[0].is_equal
            other.execute("truncate things")
        assert tables([spec], at, WarehouseState(both.at_warehouse))[0].rewritten


@pytest.mark.slow
def test_a_table_that_cannot_be_read_ends_the_comparison(both: Databases) -> None:
    with both.at_warehouse() as warehouse:
        warehouse.execute("alter table things drop column t")
    with pytest.raises(psycopg.errors.UndefinedColumn):
        compared(both, spec_of(both))


@pytest.mark.slow
def test_both_servers_hash_alike(databases: Databases) -> None:
    with databases.at_source() as there, databases.at_warehouse() as here:
        assert method_for(there, here) is Method.NATIVE


rows_of_a_side = st.dictionaries(
    st.tuples(st.integers(-3, 3), st.sampled_from(["", "A", "a", "ä", "\U0001f600", "\uffff"])), st.integers(0, 2)
)


@given(rows_of_a_side, rows_of_a_side)
def test_walking_both_sides_finds_what_sets_would(
    there: dict[tuple[int, str], int], here: dict[tuple[int, str], int]
) -> None:
    def as_the_server_orders(side: dict[tuple[int, str], int]) -> list[KeyedRow]:
        keys = sorted(side, key=lambda k: (k[0], k[1].encode()))
        return [(hashed, side[hashed, text], text) for hashed, text in keys]

    found = Differences()
    merge(as_the_server_orders(there), as_the_server_orders(here), found)

    def texts(keys: set[tuple[int, str]]) -> list[tuple[str]]:
        return sorted((text,) for _, text in keys)

    assert sorted(found.missing) == texts(there.keys() - here.keys())
    assert sorted(found.extra) == texts(here.keys() - there.keys())
    assert sorted(found.changed) == texts({k for k in there.keys() & here.keys() if there[k] != here[k]})


@given(st.lists(st.lists(st.text(), min_size=1, max_size=3)))
def test_keys_come_back_as_they_were_put_in(keys: list[list[str]]) -> None:
    kept = Keys()
    for one in keys:
        kept.add(tuple(one))
    assert list(kept) == [tuple(one) for one in keys] == list(kept)
    assert kept.first(2) == [tuple(one) for one in keys[:2]]
    assert len(kept) == len(keys)


def test_ranges_that_only_one_side_has_differ() -> None:
    assert differing({1: (1, 5), 2: (1, 6), 4: (2, 0)}, {2: (1, 6), 3: (1, 7), 4: (2, 1)}) == [1, 3, 4]


@pytest.mark.parametrize(("rows", "bits"), [(0, 0), (64, 0), (65, 1), (200_000, 12), (10**9, 17)])
def test_ranges_stay_small_and_few(rows: int, bits: int) -> None:
    assert range_bits(rows) == bits
