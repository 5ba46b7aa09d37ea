"""A migration rewrites a table between our snapshot and our reading: it reads as empty, and is not believed."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.population import populate
from tests.python.conftest import FreshDatabases
from warehouse.core.errors import ReplicationError
from warehouse.core.progress import Silent
from warehouse.replicate import replicate
from warehouse.replicate.compare.reconcile import reconcile
from warehouse.replicate.repair import repair
from warehouse.replicate.sync import begin

pytestmark = pytest.mark.slow

REWRITE = "alter table {} add column stamp uuid default gen_random_uuid()"


@pytest.fixture
def peopled(prepared: FreshDatabases) -> FreshDatabases:
    populate(prepared.source_conninfo, 60, 1)
    return prepared


def once_the_slot_is_made(monkeypatch: pytest.MonkeyPatch, databases: FreshDatabases, *statements: str) -> None:
    """Have somebody run statements at the source right after the snapshot, once."""
    made = begin._slot_made

    def then(*args: Any, **named: Any) -> Any:
        monkeypatch.setattr(begin, "_slot_made", made)
        with databases.at_source() as trs:
            for statement in statements:
                trs.execute(statement.encode())
        return made(*args, **named)

    monkeypatch.setattr(begin, "_slot_made", then)


def rows(databases: FreshDatabases, table: str) -> tuple[int, int]:
    """How many rows source and replica have."""
    with databases.at_source() as trs, databases.at_warehouse() as warehouse:
        query = f"select count(*) from {table}".encode()
        there, here = trs.execute(query).fetchone(), warehouse.execute(query).fetchone()
    assert there and here
    return there[0], here[0]


def test_a_first_copy_does_not_believe_a_table_that_was_rewritten(
    peopled: FreshDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    once_the_slot_is_made(monkeypatch, peopled, REWRITE.format("persons"))
    with pytest.raises(ReplicationError, match="rewrote persons"):
        replicate(peopled, Silent())
    replicate(peopled, Silent())
    there, here = rows(peopled, "persons")
    assert there == here > 0
    assert reconcile(peopled, Silent()).differing == []


def test_a_repair_deletes_nothing_of_a_table_that_was_rewritten(
    peopled: FreshDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`countries` is so small that the limit to what a repair may delete would not keep its rows."""
    replicate(peopled, Silent())
    with peopled.at_source() as trs, peopled.at_warehouse() as warehouse:
        name = peopled.settings.warehouse_replication_name
        warehouse.execute(f"alter subscription {name} disable".encode())
        trs.execute("delete from alert_types where alert_type_id not in (select alert_type_id from alerts)")
        slots = trs.execute(
            "select slot_name from pg_replication_slots where starts_with(slot_name, %s)", (name,)
        ).fetchall()
        for (slot,) in slots:
            wait_and_drop(trs, slot)
    before = rows(peopled, "countries")
    once_the_slot_is_made(monkeypatch, peopled, REWRITE.format("countries"))
    with pytest.raises(ReplicationError, match="rewrote countries"):
        repair(peopled, Silent())
    assert rows(peopled, "countries") == before
    repair(peopled, Silent())
    assert rows(peopled, "countries") == before
    assert reconcile(peopled, Silent()).differing == []


def test_a_table_that_was_only_truncated_is_copied_as_it_is(
    peopled: FreshDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream brings the truncation, so nothing has to be done again."""
    once_the_slot_is_made(monkeypatch, peopled, "truncate table notes cascade")
    replicate(peopled, Silent())
    assert rows(peopled, "notes") == (0, 0)


def wait_and_drop(trs: Any, slot: str) -> None:
    """Drop a slot as soon as its sender has noticed that nobody reads."""
    from warehouse.replicate.stream.slot import drop_slot

    drop_slot(trs, slot)
