"""The source's password stands in no log of the warehouse's server, where our user may say so; and else it is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.python.conftest import FAST, FreshDatabases
from tests.python.replicate.trouble import populate
from warehouse.core.database import connect
from warehouse.core.errors import SourceOutOfReach
from warehouse.core.postgres import Cluster, find_binaries
from warehouse.core.postgres.owner import unprivileged_owner
from warehouse.core.progress import Silent
from warehouse.core.unlogged import kept_by
from warehouse.replicate import replicate
from warehouse.replicate.catalog import reach
from warehouse.replicate.compare.reconcile import reconcile
from warehouse.replicate.stream import subscription

SECRET = "marker-of-a-password-in-a-log"


@pytest.fixture(scope="module")
def talkative(short_folder: Path) -> Iterator[Cluster]:
    """A server that logs every statement."""
    loud = {"log_statement": "'all'", "log_min_duration_statement": "0", "log_min_error_statement": "'error'"}
    made = Cluster("talkative", short_folder / "talkative", find_binaries(), {**FAST, **loud})
    made.start()
    yield made
    made.stop()


def test_a_server_that_logs_every_statement_has_no_password(talkative: Cluster) -> None:
    nowhere = f"postgresql://reader:{SECRET}@127.0.0.1:1/trs"
    with connect(talkative.conninfo("postgres"), what="it", variable="X") as warehouse:
        assert kept_by(warehouse) == []
        with pytest.raises(SourceOutOfReach):
            reach.check(warehouse, nowhere)
        with pytest.raises(SourceOutOfReach):
            subscription.create(warehouse, "s", "s", nowhere)
        warehouse.execute("create subscription s connection 'host=x' publication p with (connect = false)")
        subscription.follow_address(warehouse, "s", nowhere)
        assert SECRET in str(warehouse.execute("select subconninfo from pg_subscription").fetchall())
        warehouse.execute("alter subscription s set (slot_name = none)")
        warehouse.execute("drop subscription s")
        # Outside of it the server logs as it did.
        warehouse.execute("select 'this is logged'")
    log = talkative.log.read_text()
    assert "this is logged" in log and SECRET not in log


def test_a_user_who_may_not_say_so_learns_what_to_grant(talkative: Cluster) -> None:
    owner = talkative.conninfo("postgres")
    with psycopg.connect(owner, autocommit=True) as administrator:
        administrator.execute("create role weak login password 'p'")
        with psycopg.connect(make_conninfo(owner, user="weak", password="p"), autocommit=True) as weak:
            kept = kept_by(weak)
            assert {"log_statement = all", "log_min_error_statement = error"} <= set(kept)
        for one in kept:
            administrator.execute(f"grant set on parameter {one.partition(' ')[0]} to weak".encode())
        with psycopg.connect(make_conninfo(owner, user="weak", password="p"), autocommit=True) as weak:
            assert kept_by(weak) == []
        administrator.execute("drop owned by weak")
        administrator.execute("drop role weak")


def test_a_password_file_keeps_the_password_out_of_the_subscription(
    prepared: FreshDatabases, short_folder: Path
) -> None:
    """The file has the same path for this program and for the warehouse's server, and is for its user alone."""
    populate(prepared, 20)
    parts = conninfo_to_dict(prepared.source_conninfo)
    file = short_folder / f"{prepared.settings.warehouse_replication_name}.pgpass"
    file.write_text(f"*:*:*:*:{parts.pop('password')}\n")
    file.chmod(0o600)
    if owner := unprivileged_owner():
        owner.takes(file)
    prepared._urls["trs"] = make_conninfo("", **parts, passfile=str(file))  # type: ignore[arg-type]
    replicate(prepared, Silent())
    assert reconcile(prepared, Silent()).result == "equal"
    with prepared.at_warehouse() as warehouse:
        mine = warehouse.execute(
            "select subconninfo from pg_subscription where subname = %s",
            (prepared.settings.warehouse_replication_name,),
        ).fetchone()
    assert mine is not None and f"passfile={file}" in mine[0] and "password" not in mine[0]
