"""The ledger's migrations: in order, once, under a lock, and never changed afterwards."""

from __future__ import annotations

import hashlib
import threading

import pytest

from warehouse.core.databases import Databases
from warehouse.core.errors import SetupError
from warehouse.core.ledger import migrate, migrations

LANDED = {
    "0001_runs.sql": "7cfdc1195152ee23",
    "0002_replication.sql": "3c67474497b52a15",
    "0003_deliveries.sql": "943d32b5513ed71e",
    "0004_builds.sql": "f9e7ee3f417ede9e",
    "0005_history.sql": "dcd4a432787d5510",
    "0006_epochs_and_gaps.sql": "563778f811e7f03e",
    "0007_drift.sql": "48f2a9c3c9954c36",
    "0008_conflicts.sql": "668cb7e074a69946",
    "0009_erasures.sql": "8bcd11d84827b388",
    "0010_reconciliations.sql": "43a99a92e7ffd83d",
    "0011_proofs.sql": "f0e0614880237192",
    "0012_writes_by_hand.sql": "b531dffc208d9d50",
    "0013_published_relations.sql": "1ac0ca66ba9ca50d",
    "0014_made_here.sql": "01442ea02792a5aa",
    "0015_source_meanings.sql": "87840dc2411d40a0",
    "0016_ways_out.sql": "b3bc1724ffa4f436",
    "0017_left_out.sql": "f7d884aec17c90e9",
    "0018_vanished_and_revisions.sql": "b0241e036f574a53",
    "0019_marks.sql": "413fc956161acae9",
    "0020_history_that_proves_itself.sql": "b79ea7611d2ae2f6",
    "0021_source_releases.sql": "a1c37f03dc1e84de",
    "0022_source_server.sql": "6eb2c7b9bcaf1b52",
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
        with pytest.raises(SetupError, match=r"0001_runs\.sql was changed"):
            migrate(connection)


@pytest.mark.slow
def test_every_table_says_what_a_row_means(databases: Databases) -> None:
    with databases.at_warehouse() as connection:
        migrate(connection)
        silent = connection.execute(
            "select relname from pg_class where relnamespace = 'ledger'::regnamespace and relkind = 'r'"
            " and relname <> 'migrations' and obj_description(oid) is null"
        ).fetchall()
    assert silent == []
