"""The source's user has column grants alone: everything of the product works with them, and no secret can be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.python.conftest import FreshDatabases
from tests.python.replicate.test_preflight import GOOD
from tests.python.replicate.trouble import lose_slot, populate
from warehouse.core.errors import MissingPrivilege
from warehouse.core.progress import Silent
from warehouse.replicate import load_classification, replicate
from warehouse.replicate.classification import Classification
from warehouse.replicate.compare.reconcile import reconcile
from warehouse.replicate.preflight import at_source, rights
from warehouse.replicate.preflight.facts import Facts, Warehouse
from warehouse.replicate.preflight.preflight import preflight
from warehouse.replicate.repair import repair

PASSWORD = "open sesame"
CLASSIFICATION: Classification = load_classification()


@pytest.fixture
def narrow(prepared: FreshDatabases) -> Iterator[FreshDatabases]:
    """The same databases, read by a user with what `warehouse replicate sql` prints; it may own and make nothing."""
    populate(prepared)
    owner, role = prepared.source_conninfo, f"narrow_{prepared.settings.warehouse_replication_name}"
    with psycopg.connect(owner, autocommit=True) as connection:
        name = prepared.settings.warehouse_replication_name
        connection.execute(at_source.script(connection, name, CLASSIFICATION, role, None).encode())
        connection.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(PASSWORD)))
    prepared._urls["trs"] = make_conninfo(owner, user=role, password=PASSWORD)
    yield prepared
    prepared._urls["trs"] = owner
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute(sql.SQL("drop owned by {}").format(sql.Identifier(role)))


def test_it_may_read_what_is_published_and_nothing_else(narrow: FreshDatabases) -> None:
    with narrow.source() as source:
        for table, entry in CLASSIFICATION.tables.items():
            for column in entry.columns:
                query = sql.SQL("select {} from {} limit 0").format(
                    sql.Identifier(column), sql.Identifier("public", table)
                )
                if column in entry.published:
                    source.execute(query)
                    continue
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    source.execute(query)


def test_the_stream_its_repair_and_the_comparison_run_with_it(narrow: FreshDatabases) -> None:
    assert [one for one in preflight(narrow) if one.state == "failed"] == []
    replicate(narrow, Silent())
    assert reconcile(narrow, Silent()).result == "equal"
    lose_slot(narrow)
    repair(narrow, Silent(), depth="all")
    assert reconcile(narrow, Silent()).result == "equal"
    with narrow.source() as source:
        for table, columns in CLASSIFICATION.published.items():
            # A large table is copied in parts, and compared by what was written since.
            source.execute(
                sql.SQL("select {}, xmin, tableoid from {} where ctid >= '(0,0)'").format(
                    sql.Identifier(columns[0]), sql.Identifier("public", table)
                )
            )


def test_without_the_place_of_a_row_the_rights_are_not_enough(narrow: FreshDatabases) -> None:
    role = narrow.settings.warehouse_replication_name
    owner = make_conninfo(narrow.cluster("trs").conninfo("postgres"), dbname=role.removeprefix("trw_"))
    with psycopg.connect(owner, autocommit=True) as source:
        source.execute(sql.SQL("revoke select (ctid) on persons from {}").format(sql.Identifier(f"narrow_{role}")))
    with pytest.raises(MissingPrivilege, match="persons") as caught:
        replicate(narrow, Silent())
    assert "column grants" in caught.value.next_command and "ALL TABLES" not in caught.value.next_command


def test_the_printed_sql_names_columns_role_and_pg_hba(prepared: FreshDatabases) -> None:
    with prepared.source() as source:
        text = at_source.script(source, "p", CLASSIFICATION, 'tr"w', None)
        database = source.info.dbname
    assert 'create role "tr""w" login' in text
    assert f'hostssl  "{database}"  "tr""w"  <address>/32  scram-sha-256' in text
    assert "on all tables" not in text.lower() and "client_secret" not in text
    assert "'ctid', 'xmin', 'tableoid'" in text


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({}, "ok", "nothing else"),
        ({"is_superuser": True}, "warning", "superuser"),
        ({"surplus": ["users.email", "users.client_secret"]}, "warning", "credentials: users.client_secret"),
        ({"surplus": ["users.email"]}, "warning", "left behind: users.email"),
    ],
)
def test_preflight_warns_of_a_user_that_may_do_more(changes: dict[str, object], state: str, words: str) -> None:
    warehouse = Warehouse(180000, "w", {}, 0, 0, ours=True, may_subscribe=True)
    classes = {"users.client_secret": "secret", "users.email": "sensitive"}
    facts = Facts(replace(GOOD, **changes), warehouse, {}, 0, classes)  # type: ignore[arg-type]
    (found,) = rights.no_more_than_needed(facts)
    assert found.state == state and words in found.what
    (found,) = rights.no_more_than_needed(replace(facts, is_sandbox=True))
    assert found.state == "ok"
