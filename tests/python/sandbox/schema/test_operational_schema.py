"""The operational schema against what is known of the service's own (the three lists beside this file)."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

import sandbox.schema
from warehouse.core.databases import Databases
from warehouse.core.postgres.binaries import find_binaries, system_folders
from warehouse.core.postgres.cluster import Cluster

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
PERSON = (
    "INSERT INTO persons (person_id, status, first_name, middle_name, last_name, national_insurance_number,"
    " induction_status_without_exemption, induction_exemption_reason_ids, induction_exempt_without_reason, qtls_status,"
    " has_eyps, allow_details_updates_from_source_application, dqt_allow_teacher_identity_sign_in_with_prohibitions)"
    " VALUES (gen_random_uuid(), 0, %s, %s, %s, %s, 0, '{}', false, 0, false, false, false) RETURNING person_id, trn"
)


def listed(file: str) -> list[dict[str, str]]:
    with (HERE / file).open(encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def fresh_database(cluster: Cluster, name: str) -> Iterator[psycopg.Connection]:
    cluster.create_database(name)
    with psycopg.connect(cluster.conninfo(name)) as connection:
        yield connection
    with psycopg.connect(cluster.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def empty(clusters: Databases) -> Iterator[psycopg.Connection]:
    """A connection to a database without the schema, on the default server."""
    yield from fresh_database(clusters.cluster("trs"), "schema_trial")


@pytest.fixture
def trs(empty: psycopg.Connection) -> psycopg.Connection:
    """A connection to a database with the schema."""
    sandbox.schema.create(empty)
    return empty


@pytest.fixture
def with_icu(short_folder: Path) -> Iterator[psycopg.Connection]:
    """A database with the schema on a server of the system that was built with ICU."""
    folders = system_folders()
    if not folders:
        pytest.skip("no system PostgreSQL on this machine")
    cluster = Cluster("icu", short_folder / "icu", find_binaries(folders[0]), {"fsync": "off"})
    cluster.start()
    try:
        for connection in fresh_database(cluster, "schema_trial"):
            sandbox.schema.create(connection)
            if not has_collation(connection):
                pytest.skip("the system's PostgreSQL was built without ICU")
            yield connection
    finally:
        cluster.stop()


def has_collation(connection: psycopg.Connection) -> bool:
    return bool(
        connection.execute("SELECT count(*) FROM pg_collation WHERE collname = 'case_insensitive'").fetchone()[0]
    )


COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, coalesce(l.collname
        = 'case_insensitive', false)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_collation l ON l.oid = a.attcollation
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
"""


def test_every_column_is_there_with_its_type(trs: psycopg.Connection) -> None:
    wanted = {(r["table"], r["column"], r["type"], r["nullable"] == "true") for r in listed("columns.csv")}
    found = {tuple(row[:4]) for row in trs.execute(COLUMNS)}
    assert len(wanted) == 643
    assert found == wanted
    assert len(sandbox.schema.TABLES) == len({table for table, *_ in wanted}) == 59


def test_every_index_and_primary_key_is_there(trs: psycopg.Connection) -> None:
    wanted = {(r["table"], r["index"], r["unique"] == "true", r["method"]) for r in listed("indexes.csv")}
    found = set(
        trs.execute(
            "SELECT i.indrelid::regclass::text, c.relname::text, i.indisunique, m.amname::text FROM pg_index i"
            " JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam"
            " WHERE c.relnamespace = 'public'::regnamespace"
        )
    )
    assert found == wanted


def test_every_foreign_key_is_there(trs: psycopg.Connection) -> None:
    wanted = {(r["table"], r["constraint"], r["references"]) for r in listed("foreign_keys.csv")}
    found = set(
        trs.execute(
            "SELECT conrelid::regclass::text, conname::text, confrelid::regclass::text FROM pg_constraint"
            " WHERE contype = 'f'"
            " AND connamespace = 'public'::regnamespace"
        )
    )
    assert found == wanted


def test_names_compare_without_case_where_the_server_can(with_icu: psycopg.Connection) -> None:
    wanted = {(r["table"], r["column"]) for r in listed("columns.csv") if r["case_insensitive"] == "true"}
    assert {(t, c) for t, c, _, _, insensitive in with_icu.execute(COLUMNS) if insensitive} == wanted
    with_icu.execute(PERSON, ("Siân", "", "O'Neill", None))
    assert with_icu.execute("SELECT names FROM persons WHERE last_name = 'O''NEILL'").fetchone() == (
        ["Siân", "O'Neill"],
    )


def test_names_compare_with_case_where_the_server_cannot(trs: psycopg.Connection) -> None:
    if has_collation(trs):
        pytest.skip("the default server has ICU")
    trs.execute(PERSON, ("Siân", "", "O'Neill", None))
    assert trs.execute("SELECT 1 FROM persons WHERE last_name = 'O''NEILL'").fetchone() is None


def test_seeds_are_loaded(trs: psycopg.Connection) -> None:
    sizes = {
        "alert_types": 45,
        "training_subjects": 1810,
        "route_to_professional_status_types": 66,
        "establishments": 44,
        "countries": 219,
    }
    for table, size in sizes.items():
        assert trs.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone() == (size,)
    # The identity of a seeded table continues after the seeds.
    assert trs.execute(
        "INSERT INTO establishment_sources (name) VALUES ('Other') RETURNING 1, establishment_source_id"
    ).fetchone() == (1, 3)


def test_trns_walk_the_ranges(trs: psycopg.Connection) -> None:
    trs.execute("DELETE FROM trn_ranges")
    trs.execute("INSERT INTO trn_ranges VALUES (200, 201, 200, false), (7000000, 7000000, 7000000, false)")
    taken = [trs.execute("SELECT fn_generate_trn()").fetchone()[0] for _ in range(3)]
    assert taken == ["0000200", "0000201", "7000000"]
    assert trs.execute("SELECT bool_and(is_exhausted) FROM trn_ranges").fetchone() == (True,)
    with pytest.raises(psycopg.errors.RaiseException, match="no TRN is left"):
        trs.execute("SELECT fn_generate_trn()")


def test_search_columns_follow_single_writes(trs: psycopg.Connection) -> None:
    person, _ = trs.execute(PERSON, ("Anne Marie", "", "Lloyd", "QQ123456A")).fetchone()
    trs.execute(
        "INSERT INTO previous_names (previous_name_id, person_id, created_on, updated_on, first_name,"
        " middle_name, last_name)"
        " VALUES (gen_random_uuid(), %s, now(), now(), 'Anne', 'Jo', 'Rees')",
        (person,),
    )
    trs.execute(
        "INSERT INTO tps_employments (tps_employment_id, person_id, establishment_id, start_date,"
        " last_known_tps_employed_date,"
        " last_extract_date, employment_type, created_on, updated_on, key, national_insurance_number,"
        " withdrawal_confirmed)"
        " SELECT gen_random_uuid(), %s, establishment_id, '2020-09-01', '2020-09-25', '2020-09-25', 0,"
        " now(), now(), 'k', '12Q34567', false"
        " FROM establishments LIMIT 1",
        (person,),
    )
    columns = "SELECT names, last_names, national_insurance_numbers FROM persons"
    found = trs.execute(columns).fetchone()
    assert found == (["Anne", "Marie", "Lloyd", "Jo", "Rees"], ["Lloyd", "Rees"], ["QQ123456A", "12Q34567"])
    trs.execute("UPDATE previous_names SET deleted_on = now()")
    trs.execute("UPDATE persons SET last_name = 'Ann Wyn'")
    assert trs.execute(columns).fetchone()[:2] == (["Anne", "Marie", "Ann", "Wyn"], ["Ann Wyn"])


def test_references_of_tasks_come_from_the_sequence(trs: psycopg.Connection) -> None:
    statement = (
        "INSERT INTO support_tasks (created_on, updated_on, support_task_type, status, data, subject_name)"
        " VALUES (now(), now(), 2, 0, '{}', 'Ada Byron King') RETURNING support_task_reference,"
        " subject_names, zendesk_tickets"
    )
    assert trs.execute(statement).fetchone() == ("TRS-1000", ["Ada", "Byron", "King"], [])


def test_it_is_not_made_twice(trs: psycopg.Connection) -> None:
    with pytest.raises(sandbox.schema.OperationalSchemaExistsError, match="59 of the operational tables"):
        sandbox.schema.create(trs)


def test_drop_leaves_nothing_but_the_extension(trs: psycopg.Connection) -> None:
    sandbox.schema.drop(trs)
    left = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    assert trs.execute(left).fetchone() == (0,)
    assert trs.execute("SELECT to_regnamespace('sandbox')").fetchone() == (None,)
    sandbox.schema.drop(trs)
    sandbox.schema.create(trs)
