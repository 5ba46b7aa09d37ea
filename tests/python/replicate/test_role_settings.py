"""What a role or a database has set reaches what PostgreSQL runs for us; preflight finds it before the stream does."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from tests.python.conftest import FreshDatabases
from warehouse.core.errors import MissingPrivilege, SetupError
from warehouse.core.progress import Silent
from warehouse.replicate import load_classification, replicate
from warehouse.replicate.link import Ends
from warehouse.replicate.preflight.preflight import preflight, require
from warehouse.replicate.preflight.roles import APPLY_WORKER, SENDER

pytestmark = pytest.mark.slow

ODD = {
    "transaction_timeout": "1s",
    "lock_timeout": "1s",
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "serializable",
    "session_replication_role": "replica",
    "statement_timeout": "1s",
}


def set_for_all(connection: psycopg.Connection, name: str) -> None:
    """Give the database a setting that every new session in it has."""
    connection.execute(
        sql.SQL("alter database {} set {} = {}").format(
            sql.Identifier(connection.info.dbname), sql.SQL(name), sql.Literal(ODD[name])
        )
    )


@pytest.mark.parametrize("name", APPLY_WORKER)
def test_a_setting_that_would_end_the_apply_worker_is_refused(prepared: FreshDatabases, name: str) -> None:
    with prepared.at_warehouse() as warehouse:
        set_for_all(warehouse, name)
    with pytest.raises(SetupError, match=name) as refused:
        replicate(prepared, Silent())
    assert f"SET {name} = '{APPLY_WORKER[name]}'" in refused.value.next_command
    with prepared.at_source() as trs:
        assert trs.execute("select count(*) from pg_publication").fetchone() == (0,), "nothing was made"


def test_a_lock_timeout_of_the_apply_worker_is_told(prepared: FreshDatabases) -> None:
    with prepared.at_warehouse() as warehouse:
        set_for_all(warehouse, "lock_timeout")
    told = next(check for check in preflight(prepared) if check.code == "lock_timeout of the apply worker")
    assert told.state == "warning"


def test_a_time_out_of_the_sender_is_told(prepared: FreshDatabases) -> None:
    with prepared.at_source() as trs:
        for name in SENDER:
            set_for_all(trs, name)
    told = next(check for check in preflight(prepared) if check.code == "settings of the sender")
    assert told.state == "warning"
    assert all(name in told.what for name in SENDER)


@pytest.fixture
def looker(prepared: FreshDatabases) -> Iterator[FreshDatabases]:
    """A source whose user may read everything, and is neither superuser nor exempt from row security."""
    with prepared.at_source() as trs:
        trs.execute(
            "create role passes_by login replication password 'x';"
            " grant select on all tables in schema public to passes_by"
        )
    yield prepared
    with prepared.at_source() as trs:
        trs.execute("drop owned by passes_by; drop role passes_by")


@pytest.mark.parametrize(
    "policy",
    [
        "alter table notes enable row level security",
        "alter table notes enable row level security; create policy a_few on notes using (content is not null)",
        "alter table notes force row level security, enable row level security",
    ],
)
def test_row_security_is_found_before_anything_is_read(looker: FreshDatabases, policy: str) -> None:
    with looker.at_source() as trs:
        trs.execute(policy.encode())
        trs.execute("set role passes_by")
        with looker.warehouse() as warehouse, pytest.raises(MissingPrivilege, match="notes"):
            require(Ends(looker, trs, warehouse, load_classification()))
