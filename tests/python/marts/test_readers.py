"""What readers see while a build is published, in long transactions, too: a whole build, and never no rows."""

from __future__ import annotations

import threading

import psycopg
import pytest

from tests.python.conftest import WorldDatabases
from tests.python.marts.publishing import labels, make
from warehouse.core.errors import ObjectInTheWay
from warehouse.marts import publish as publish_module
from warehouse.marts import structure

ONE = "select n as x, '{0}' as label from generate_series(1, {1}) as n"
OLD = {"marts__dim_one": ONE.format("old", 3), "marts__fct_two": "select 'old' as label"}
NEW = {"marts__dim_one": ONE.format("new", 4), "marts__fct_two": "select 'new' as label"}


def seen(connection: psycopg.Connection) -> set[str]:
    rows = connection.execute("select label from marts.dim_one union all select label from marts.fct_two").fetchall()
    return {row[0] for row in rows}


@pytest.mark.parametrize("has_read", [True, False])
def test_a_repeatable_read_transaction_sees_the_old_build_to_its_end(prepared: WorldDatabases, has_read: bool) -> None:
    make(prepared, **OLD)
    with prepared.at_warehouse() as reader:
        reader.execute("begin isolation level repeatable read")
        reader.execute("select 1 from pg_class limit 1")  # which takes its snapshot
        if has_read:
            assert labels(reader) == ["old"] * 3
        make(prepared, **NEW)
        make(prepared, **NEW | {"marts__fct_two": "select 'newer' as label"})
        assert labels(reader) == ["old"] * 3
        assert seen(reader) == {"old"}
        reader.execute("commit")
        assert labels(reader) == ["new"] * 4
        assert seen(reader) == {"new", "newer"}


def test_a_read_committed_transaction_sees_the_new_build_with_its_next_statement(prepared: WorldDatabases) -> None:
    make(prepared, **OLD)
    with prepared.at_warehouse() as reader:
        reader.execute("begin")
        assert seen(reader) == {"old"}
        reader.execute("declare c cursor for select label from marts.dim_one order by x")
        make(prepared, **NEW)
        assert seen(reader) == {"new"}
        assert reader.execute("fetch all c").fetchall() == [("old",)] * 3
        reader.execute("commit")


def test_every_statement_sees_one_whole_build(prepared: WorldDatabases) -> None:
    """Readers of both kinds ask without a pause while builds are published."""
    make(prepared, **OLD)
    over, wrong = threading.Event(), []

    def read(isolation: str) -> None:
        with prepared.at_warehouse() as reader:
            while not over.is_set():
                reader.execute(f"begin isolation level {isolation}".encode())
                for _ in range(5):
                    found = seen(reader)
                    if len(found) != 1:
                        wrong.append(found)
                reader.execute("commit")

    readers = [threading.Thread(target=read, args=(level,)) for level in ("repeatable read", "read committed")]
    for reader in readers:
        reader.start()
    for version in (NEW, OLD, NEW, OLD, NEW):
        make(prepared, **version)
    over.set()
    for reader in readers:
        reader.join(120)
    assert not wrong


def test_a_table_that_is_new_has_its_rows_for_a_transaction_that_began_before(prepared: WorldDatabases) -> None:
    make(prepared, marts__fct_two="select 'old' as label")
    with prepared.at_warehouse() as reader:
        reader.execute("begin isolation level repeatable read")
        assert reader.execute("select count(*) from marts.fct_two").fetchone() == (1,)
        make(prepared, **NEW)
        assert labels(reader) == ["new"] * 4
        assert reader.execute("select label from marts.fct_two").fetchone() == ("old",)


def test_publishing_waits_for_no_reader(prepared: WorldDatabases) -> None:
    make(prepared, **OLD)
    with prepared.at_warehouse() as reader:
        reader.execute("begin")
        assert labels(reader) == ["old"] * 3
        make(prepared, **NEW)  # would hang, if it had to wait for the lock of the open transaction


def test_columns_change_only_when_nobody_would_see_them_without_values(
    prepared: WorldDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(structure, "READER_SECONDS", 0.5)
    make(prepared, **OLD)
    more = "select n as x, 'new' as label, 'a' as extra from generate_series(1, 4) as n"
    with prepared.at_warehouse() as reader:
        reader.execute("begin isolation level repeatable read")
        reader.execute("select 1 from pg_class limit 1")
        with pytest.raises(ObjectInTheWay, match="has been reading for more than"):
            make(prepared, **OLD | {"marts__dim_one": more})
        assert labels(reader) == ["old"] * 3
        reader.execute("commit")
        make(prepared, **OLD | {"marts__dim_one": more})
        assert reader.execute("select distinct extra from marts.dim_one").fetchall() == [("a",)]


def test_a_writer_who_holds_a_mart_is_named(prepared: WorldDatabases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish_module, "LOCK_SECONDS", 1)
    make(prepared, **OLD)
    with prepared.at_warehouse() as writer:
        writer.execute("begin")
        writer.execute("update marts.dim_one set label = 'mine'")
        with pytest.raises(ObjectInTheWay, match=f"process {writer.info.backend_pid}") as caught:
            make(prepared, **NEW)
        assert "pg_terminate_backend" in caught.value.next_command
        writer.execute("rollback")
        assert labels(writer) == ["old"] * 3
