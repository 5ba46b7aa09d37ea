"""The ledger's migrations: in order, once, under a lock, and never changed afterwards."""

from __future__ import annotations

import hashlib
import threading

import pytest

from warehouse.core.databases import Databases
from warehouse.core.errors import LedgerOfAnotherVersion, SetupError
from warehouse.core.ledger import migrate, migrations
from warehouse.marts import quality

LANDED = {
    "0001_ledger.sql": "ecd424b0608c818c",
    "0002_vintages.sql": "d989254b54c7930e",
    "0003_build_findings.sql": "fc72289d4f46058e",
    "0004_build_errors.sql": "d8dcb8739c0d6cf7",
    "0005_deliveries_of_days.sql": "5d7c801dd96e71b0",
    "0006_open_months.sql": "311f23828a4d0bbf",
    "0007_who_was_delivered.sql": "ede7dc9903e56f9d",
    "0008_released.sql": "f71eb9e26ae7152a",
    "0009_content_of_files.sql": "6864faabc56120c1",
    "0010_change_sets.sql": "5881532c69169213",
    "0011_kept_days.sql": "791322d140a069f6",
    "0012_files_of_a_copy.sql": "16fc1709d7fa9e75",
    "0013_singled_out.sql": "a3b2123377ef8fd9",
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


# As builds wrote them before 0003: a row for each test, with the rows that it found as they were shown.
OF_BEFORE = """
insert into ledger.builds (started_at, as_at, project_sha256, state) values
    ('2026-09-29 02:00Z', '2026-09-28', '', 'published'), ('2026-09-30 02:00Z', '2026-09-29', '', 'failed');
insert into ledger.build_findings (build_id, test_name, model_name, column_name, severity, rows, found) values
    (1, 'accepted_values_gender', 'dim_person', 'gender', 'warning', 3, '{"unknown (9)": 3}'),
    (1, 'not_null_trn', 'dim_person', 'trn', 'warning', 1, '{"rows": [{"person_id": "hmac:1a"}]}'),
    (1, 'agrees', 'fct_route', null, 'warning', 7, '{}'),
    (2, 'accepted_values_gender', 'dim_person', 'gender', 'warning', 4, '{"unknown (9)": 4}'),
    (2, 'unique_trn', 'dim_person', 'trn', 'failure', 2, '{"rows": [{"person_id": "hmac:2b"}]}');
"""


@pytest.mark.slow
def test_findings_of_before_are_there_after_an_upgrade(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    """From 0001 and 0002 with rows: each finding of each build, in an order, with what it had shown."""
    files = migrations.available()
    with databases.at_warehouse() as connection:
        with monkeypatch.context() as earlier:
            earlier.setattr(migrations, "available", lambda: files[:2])
            assert migrate(connection) == ["0001_ledger.sql", "0002_vintages.sql"]
        connection.execute(OF_BEFORE.encode())
        before = "select build_id, test_name, model_name, column_name, severity, rows, found::text"
        was = connection.execute(before + " from ledger.build_findings").fetchall()
        assert migrate(connection) == [name for _, name, _ in files[2:]]
        after = "select build_id, test_name, model_name, column_name, severity, rows, coalesce(keys[1], '{}')"
        assert sorted(connection.execute(after + " from ledger.build_findings").fetchall()) == sorted(was)
        # Failures first, and nothing in the place of a rule or a value, which earlier builds did not note.
        places = connection.execute(
            "select build_id, place, test_name, cardinality(keys), rule, value from ledger.build_findings order by 1, 2"
        ).fetchall()
        assert places == [
            (1, 1, "accepted_values_gender", 1, None, None),
            (1, 2, "agrees", 0, None, None),
            (1, 3, "not_null_trn", 1, None, None),
            (2, 1, "unique_trn", 1, None, None),
            (2, 2, "accepted_values_gender", 1, None, None),
        ]
        # The last build's are what the product shows of them.
        found = quality.last(connection).findings
        assert [(one.test, one.rows) for one in found] == [("unique_trn", 2), ("accepted_values_gender", 4)]
        assert [one.since and f"{one.since:%d}" for one in found] == ["30", "29"]


@pytest.mark.slow
def test_a_changed_one_is_refused(databases: Databases) -> None:
    with databases.at_warehouse() as connection:
        migrate(connection)
        connection.execute("update ledger.migrations set sha256 = 'other' where number = 1")
        with pytest.raises(SetupError, match=r"0001_ledger\.sql was changed"):
            migrate(connection)


@pytest.mark.slow
@pytest.mark.parametrize("made_by", ["0001_runs.sql", "9999_what_a_later_version_needs.sql"])
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
