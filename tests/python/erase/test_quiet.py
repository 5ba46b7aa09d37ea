"""What an ordinary user cannot keep a server from keeping is said, with the grant that helps."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.python.conftest import FreshDatabases
from warehouse.erase import quiet, wal

pytestmark = pytest.mark.slow

GRANTS = """
grant pg_checkpoint to quiet_owner;
grant execute on function pg_switch_wal() to quiet_owner;
grant set on parameter log_parameter_max_length to quiet_owner;
"""


@pytest.fixture
def ordinary(prepared: FreshDatabases) -> Iterator[psycopg.Connection]:
    """A session of an ordinary user, on a server that logs every statement with its values."""
    with prepared.at_warehouse() as connection:
        connection.execute("create role quiet_owner")
        try:
            connection.execute("set log_min_duration_statement = 0")
            connection.execute("set log_parameter_max_length = -1")
            connection.execute("set role quiet_owner")
            yield connection
        finally:
            connection.execute("reset role")
            connection.execute("drop owned by quiet_owner")
            connection.execute("revoke set on parameter log_parameter_max_length from quiet_owner")
            connection.execute("drop role quiet_owner")


def test_what_the_servers_keep_is_said(ordinary: psycopg.Connection) -> None:
    (logged,) = quiet.begin(ordinary, "the warehouse")
    assert "grant set on parameter log_parameter_max_length" in logged
    assert "grant pg_checkpoint" in wal.retire(ordinary)[0]


def test_with_the_grants_of_the_runbook_they_keep_nothing(ordinary: psycopg.Connection) -> None:
    ordinary.execute("reset role")
    ordinary.execute(GRANTS.encode())
    ordinary.execute("set role quiet_owner")
    assert quiet.begin(ordinary, "the warehouse") == []
    assert ordinary.execute("show log_parameter_max_length").fetchone() == ("0",)
    assert not [note for note in wal.retire(ordinary) if "pg_checkpoint" in note]
