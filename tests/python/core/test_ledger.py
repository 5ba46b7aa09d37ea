"""The ledger's migrations: in order, once, under a lock, and never changed afterwards."""

from __future__ import annotations

import threading

import pytest

from warehouse.core.databases import Databases
from warehouse.core.errors import SetupError
from warehouse.core.ledger import migrate, migrations


def test_they_are_numbered_without_gap_or_repeat() -> None:
    numbers = [number for number, _, _ in migrations.available()]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.slow
def test_each_is_applied_once_even_by_two_at_once(databases: Databases) -> None:
    applied: list[list[str]] = []

    def work() -> None:
        with databases.warehouse() as connection:
            applied.append(migrate(connection))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(len, applied)) == [0, len(migrations.available())]


@pytest.mark.slow
def test_a_changed_one_is_refused(databases: Databases) -> None:
    with databases.warehouse() as connection:
        migrate(connection)
        connection.execute("update ledger.migrations set sha256 = 'other' where number = 1")
        with pytest.raises(SetupError, match=r"0001_runs\.sql was changed"):
            migrate(connection)


@pytest.mark.slow
def test_every_table_says_what_a_row_means(databases: Databases) -> None:
    with databases.warehouse() as connection:
        migrate(connection)
        silent = connection.execute(
            "select relname from pg_class where relnamespace = 'ledger'::regnamespace and relkind = 'r'"
            " and relname <> 'migrations' and obj_description(oid) is null"
        ).fetchall()
    assert silent == []
