"""The receivers' page, as it stands: its SQL rebuilds a table in DuckDB from the files, and BigQuery would take it."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import duckdb
import pytest

from tests.python.dbt.googlesql.engine import Column, Engine, Refused, Resolved
from tests.python.deliver.rebuilding import OF_AN_END, Sets
from tests.python.deliver.receiving import SEED, Receiver, receiver, some
from tests.python.replicate.drifting import World, world
from warehouse.core.contracts import load_change_contracts
from warehouse.core.settings import PROJECT
from warehouse.deliver.change_files.read import OWN

__all__ = ["receiver", "world"]
pytestmark = pytest.mark.slow

PAGE = PROJECT / "docs" / "change-files.md"
ON_THE_PAGE = "dandi/changes/20261129T203153Z-*/persons-*.parquet"
KEY_ON_THE_PAGE = """    and e.person_id = v.person_id
"""


def blocks() -> tuple[str, str]:
    """The SQL of the page: what loads a table's files, and what makes versions of them."""
    load, versions = re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert load.startswith("-- DuckDB") and ON_THE_PAGE in load
    assert versions.startswith("-- versions of persons") and KEY_ON_THE_PAGE in versions
    return load, versions


def of(table: str, key: Sequence[str], query: str) -> str:
    """The page's example for another table, with its key from the manifest."""
    keys = "".join(f"    and e.{name} = v.{name}\n" for name in key)
    return query.replace(KEY_ON_THE_PAGE, keys).replace("persons_changes", f"{table}_changes")


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    found = connection.execute(query)
    names = [one[0] for one in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def sets_of_rows(found: list[dict[str, Any]], names: Sequence[str]) -> list[str]:
    return sorted(repr([row[name] for name in names]) for row in found)


def test_duckdb_rebuilds_versions_state_and_what_was_known(world: World, receiver: Receiver) -> None:
    chance = random.Random(SEED)
    world.trs.execute("delete from people where age > 5")
    world.sync()
    receiver.next_set()
    middle: list[datetime] = []
    for _ in range(3):
        some(world, chance, 15)
        world.sync()
        middle.append(datetime.fromisoformat(receiver.next_set()["delivery"]["known_up_to"]))
    # A column more: the sets before have not got it.
    world.trs.execute("alter table people add column seen date default '2026-01-02'")
    world.file["people"] |= {"seen": "personal"}
    assert world.apply().error() is None
    some(world, chance, 15)
    world.sync()
    receiver.next_set()
    sets = receiver.assert_rebuilt()
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    for table in ("people", "posts"):
        key, versions = _loaded(connection, receiver, sets, table)
        _every_version(connection, sets, table, versions)
        _as_it_is(connection, world, table, key, versions)
        for moment in middle:
            _as_it_was_known(connection, world, table, key, versions, moment)


def _loaded(connection: duckdb.DuckDBPyConnection, receiver: Receiver, sets: Sets, table: str) -> tuple[list[str], str]:
    load, versions = blocks()
    series = sets.manifests[0][1]["changes"]["series"]
    files = receiver.deliveries / "dandi" / "changes" / f"{series}-*" / f"{table}-*.parquet"
    connection.execute(of(table, (), load).replace(ON_THE_PAGE, str(files)))
    key = sets.key(table)
    return key, of(table, key, versions)


def _every_version(connection: duckdb.DuckDBPyConnection, sets: Sets, table: str, versions: str) -> None:
    found, wanted = rows(connection, versions), sets.versions(table)
    ends = {"trw_to_position": "to_position", "trw_known_to": "known_to", "trw_to_after": "to_after"}
    for row in found:
        row.update({name: row[ends.get(name, "ended_by")] for name in OF_AN_END})
    names = [name for name in wanted[0] if name not in ("trw_not_in_parquet",)]
    assert sets_of_rows(found, names) == sets_of_rows(wanted, names)
    assert any(row["trw_ended_by"] == "U" for row in found)


def _as_it_is(connection: duckdb.DuckDBPyConnection, world: World, table: str, key: list[str], versions: str) -> None:
    names = [*key, {"people": "name", "posts": "title"}[table]]
    found = rows(connection, f"select * from ({versions}) where {said_of('As it is')}")
    cursor = world.warehouse.execute(f"select {_texts(names)} from public.{table}".encode())
    assert sets_of_rows([_as_text(row, names) for row in found], names) == sets_of_rows(
        [dict(zip(names, row, strict=True)) for row in cursor], names
    )


def _as_it_was_known(
    connection: duckdb.DuckDBPyConnection, world: World, table: str, key: list[str], versions: str, moment: datetime
) -> None:
    names = [*key, {"people": "name", "posts": "title"}[table]]
    condition = re.sub(r"\bmoment\b", f"timestamptz '{moment.isoformat()}'", said_of("As it was known at a moment"))
    found = rows(connection, f"select * from ({versions}) where {condition}")
    cursor = world.warehouse.execute(
        f"select {_texts(names)} from versions.{table}"
        " where known_from <= %s and (known_to is null or known_to > %s)".encode(),
        (moment, moment),
    )
    assert sets_of_rows([_as_text(row, names) for row in found], names) == sets_of_rows(
        [dict(zip(names, row, strict=True)) for row in cursor], names
    )


def said_of(what: str) -> str:
    """The condition that the page gives for a state."""
    found = re.search(rf"\*\*{what}\*\*: `where (.*?)`", PAGE.read_text())
    assert found
    return found[1]


def _texts(names: list[str]) -> str:
    return ", ".join(f"{name}::text" for name in names)


def _as_text(row: dict[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: None if row[name] is None else str(row[name]) for name in names}


KINDS = {"bigint": "INTEGER", "integer": "INTEGER", "smallint": "INTEGER", "timestamptz": "TIMESTAMP", "date": "DATE"}
"""What `bq load` makes of the types of a Parquet file; what is text there is a STRING."""


def bigquery(query: str, key: Sequence[str] = ("person_id",)) -> Resolved:
    """The page's query, as BigQuery resolves it over the contract's own table of persons."""
    engine = Engine()
    (contract,) = load_change_contracts()
    assert contract.change_files is not None and contract.change_files.tables["persons"].lets_out("person_id")
    own = [Column(one.name, KINDS.get(one.physical_type, "STRING")) for one in OWN]
    engine.add_table(("none", "trs", "persons_changes"), (*own, *(Column(name, "STRING") for name in key)))
    return engine.resolve(query.replace("persons_changes", "none.trs.persons_changes"))


def test_bigquery_resolves_the_same_query() -> None:
    _, versions = blocks()
    found = {one.name: one.kind for one in bigquery(versions).columns}
    assert found.items() >= {"to_position": "INTEGER", "known_to": "TIMESTAMP", "ended_by": "STRING"}.items()
    for what in ("As it is", "As it was known at a moment"):
        condition = re.sub(r"\bmoment\b", "timestamp '2026-11-29 00:00:00+00'", said_of(what))
        bigquery(f"select * from ({versions}) where {condition}")
    # What it would find.
    for wrong, reason in (
        (versions.replace("trw_to_after", "trw_ended_after"), "not found"),
        (versions.replace("v.trw_known_to, e.trw_known_to", "v.trw_known_to, e.trw_to_position"), "signature"),
    ):
        with pytest.raises(Refused, match=reason):
            bigquery(wrong)
