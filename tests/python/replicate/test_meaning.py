"""Whatever is done to the source's names: what leads to other content is told, and what does not is not."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warehouse.replicate.catalog.meaning import ColumnMeaning, Meanings, TableMeaning, changes

NAMES = ("a", "b", "c")
HARMFUL = ("swap columns", "drop and add", "retype", "swap tables", "replace", "republish", "rename and back", "label")
HARMLESS = ("add column", "drop another table", "look again")


def begin() -> dict[str, TableMeaning]:
    columns = {name: ColumnMeaning(n, "23 -1 0", "x", "700") for n, name in enumerate(NAMES, 1)}
    return {table: TableMeaning(n, "700", 90 + n, dict(columns)) for n, table in enumerate(NAMES, 10)}


def done(
    now: dict[str, TableMeaning], operation: str, table: str, column: str, step: int
) -> set[tuple[str, str | None]]:
    """Do to the catalog what PostgreSQL does; the names that may lead to other content from then on."""
    xid, of = str(800 + step), now[table]
    other = NAMES[(NAMES.index(column) + 1) % 3]
    columns, fresh = dict(of.columns), 1000 + step
    if operation == "swap columns":
        columns[column], columns[other] = replace(columns[other], row=xid), replace(columns[column], row=xid)
    elif operation == "drop and add":
        columns[column] = ColumnMeaning(fresh, columns[column].type, "x", xid)
    elif operation == "retype":
        columns[column] = replace(columns[column], type=f"{fresh} -1 0", row=xid)
    elif operation == "rename and back":
        columns[column] = replace(columns[column], row=xid)
    elif operation == "label":
        columns[column] = replace(columns[column], content=xid)
    elif operation == "add column":
        columns[f"new_{step}"] = ColumnMeaning(fresh, "25 -1 100", "x", xid)
    now[table] = replace(of, columns=columns)
    if operation == "swap tables":
        second = NAMES[(NAMES.index(table) + 1) % 3]
        now[table], now[second] = replace(now[second], row=xid), replace(now[table], row=xid)
        return {(table, None), (second, None)}
    if operation == "replace":
        now[table] = TableMeaning(fresh, xid, 2000 + step, columns)
        return {(table, None)}
    if operation == "republish":
        now[table] = replace(now[table], listing=2000 + step)
        return {(table, None)}
    if operation == "swap columns":
        return {(table, column), (table, other)}
    return {(table, column)} if operation in HARMFUL else set()


Steps = st.lists(
    st.tuples(st.sampled_from((*HARMFUL, *HARMLESS)), st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=6
)


@given(Steps, st.sets(st.sampled_from(NAMES), max_size=2))
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_name_that_may_lead_elsewhere_is_told_and_no_other(
    steps: list[tuple[str, str, str]], key: set[str]
) -> None:
    then: Meanings = begin()
    now = begin()
    expected: set[tuple[str, str | None]] = set()
    for step, (operation, table, column) in enumerate(steps):
        expected |= done(now, operation, table, column, step)
    found = {(one.table, one.column) for one in changes(then, now, dict.fromkeys(NAMES, key))}
    whole = {table for table, column in found if column is None}
    for table, column in expected:
        assert table in whole or (table, column) in found, (table, column, found)
    # A name by which rows are told apart makes the whole table doubtful; nothing else is told that was not done.
    assert {table for table, _ in found} == {table for table, _ in expected}
    if not any(column is None for _, column in expected):
        assert {(t, c) for t, c in found if c is not None} <= expected
        assert whole == {table for table, column in expected if column in key}


def test_what_is_gone_is_told_elsewhere() -> None:
    now = begin()
    del now["a"]
    now["b"] = replace(now["b"], columns={})
    now["c"] = replace(now["c"], listing=None)
    assert changes(begin(), now, {}) == []
