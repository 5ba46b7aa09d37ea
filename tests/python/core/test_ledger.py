"""The ledger's migrations: in order, once, under a lock, and never changed afterwards."""

from __future__ import annotations

import hashlib
import threading

import pytest

from warehouse.core.databases import Databases
from warehouse.core.errors import LedgerOfAnotherVersion, SetupError
from warehouse.core.ledger import migrate, migrations

LANDED = {
    "0001_ledger.sql": "ecd424b0608c818c",
    "0002_vintages.sql": "d989254b54c7930e",
    "0003_build_findings.sql": "fc72289d4f46058e",
}
"""Each file as it landed, by the beginning of its SHA-256. A warehouse that has applied a file refuses another text."""


def test_they_are_numbered_without_gap_or_repeat() -> None:
    numbers = [number for number, _, _ in migrations.available()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_file_that_landed_is_never_changed() -> None:
    """A change is a further file; its line is added here with it."""
    now = {name: hashlib.sha256(text.encode()).hexdigest()[:16] for _, name, text in migrations.available()}
    assert now == LANDED


@pytest.mark.slow
def test_each_is_applied_once_even_by_two_at_once(databases: Databases) -> None:
    applied: list[list[str]] = []

    def work() -> None:
        with databases.at_warehouse() as connection:
            applied.append(migrate(connection))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(len, applied)) == [0, len(migrations.available())]


@pytest.mark.slow
def test_a_changed_one_is_refused(databases: Databases) -> None:
    with databases.at_warehouse() as connection:
        migrate(connection)
        connection.execute("update ledger.migrations set sha256 = 'other' where number = 1")
        with pytest.raises(SetupError, match=r"0001_ledger\.sql was changed"):
            migrate(connection)


@pytest.mark.slow
@pytest.mark.parametrize("made_by", ["0001_runs.sql", "0009_what_a_later_version_needs.sql"])
def test_a_ledger_of_another_version_is_refused_and_left_alone(databases: Databases, made_by: str) -> None:
    """One that was numbered otherwise during development, or one that a later version has been at."""
    with databases.at_warehouse() as connection:
        migrate(connection)
        if made_by.startswith("0001"):
            connection.execute("delete from ledger.migrations")
        connection.execute(
            "insert into ledger.migrations (number, name, sha256) values (%s, %s, 'other')", (int(made_by[:4]), made_by)
        )
        before = connection.execute("select oid, xmin from pg_class order by 1").fetchall()
        with pytest.raises(LedgerOfAnotherVersion, match=made_by):
            migrate(connection)
        assert connection.execute("select oid, xmin from pg_class order by 1").fetchall() == before


@pytest.mark.slow
def test_every_table_says_what_a_row_means(databases: Databases) -> None:
    with databases.at_warehouse() as connection:
        migrate(connection)
        silent = connection.execute(
            "select relname from pg_class where relnamespace = 'ledger'::regnamespace and relkind = 'r'"
            " and relname <> 'migrations' and obj_description(oid) is null"
        ).fetchall()
    assert silent == []
