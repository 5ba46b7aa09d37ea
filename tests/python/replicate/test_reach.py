"""The stream goes from server to server: what only this program reaches is refused before anything is made."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.python.conftest import FreshDatabases
from tests.python.replicate.trouble import lose_slot, one, populate
from warehouse.core.errors import MissingPrivilege, SourceOutOfReach
from warehouse.core.progress import Silent
from warehouse.replicate import replicate
from warehouse.replicate.catalog import reach
from warehouse.replicate.preflight.preflight import preflight
from warehouse.replicate.repair import repair

pytestmark = pytest.mark.slow

SLOTS = "select count(*) from pg_replication_slots where database = current_database()"


class PasswordAtHome(FreshDatabases):
    """The source's password is in a file of the person's, which the warehouse's server does not have."""

    @property
    def source_conninfo(self) -> str:
        parts = conninfo_to_dict(super().source_conninfo)
        return make_conninfo(**{name: value for name, value in parts.items() if name != "password"})


@pytest.fixture
def at_home(prepared: FreshDatabases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PasswordAtHome:
    made = PasswordAtHome(prepared.settings, prepared.cluster_settings, "", prepared._urls)
    # The same names as the databases that it looks at.
    made.settings = prepared.settings
    file = tmp_path / "pgpass"
    file.write_text(f"*:*:*:*:{conninfo_to_dict(prepared.source_conninfo)['password']}\n")
    file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(file))
    return made


def test_the_first_copy_is_refused_before_anything_is_made(at_home: PasswordAtHome) -> None:
    with pytest.raises(SourceOutOfReach, match="no password supplied") as caught:
        replicate(at_home, Silent())
    assert "TRS_DATABASE_URL" in caught.value.next_command
    assert one(at_home.source, "select count(*) from pg_publication") == (0,)
    assert one(at_home.source, SLOTS) == (0,)
    assert one(at_home.warehouse, "select to_regclass('public.persons')") == (None,)
    found = {check.code: check for check in preflight(at_home)}
    assert found["server to server"].state == "failed"


def test_a_repair_is_refused_before_a_slot_is_made(prepared: FreshDatabases, at_home: PasswordAtHome) -> None:
    populate(prepared)
    replicate(prepared, Silent())
    lose_slot(prepared)
    with pytest.raises(SourceOutOfReach):
        repair(at_home, Silent())
    assert one(prepared.source, SLOTS) == (0,)
    assert one(prepared.warehouse, "select count(*) from ledger.epochs") == (1,)
    repair(prepared, Silent())


@pytest.mark.parametrize(
    ("changed", "reason", "remedy"),
    [
        ({"sslmode": "require"}, "not compiled in", "built without TLS"),
        ({"password": "wrong"}, "authentication failed", "pg_hba.conf"),
        ({"port": "1"}, "Connection refused", "host name, port, firewall"),
        ({"dbname": "nowhere"}, "does not exist", "reaches"),
        ({"host": "nowhere.invalid"}, "translate host name", "host name, port, firewall"),
        ({"sslmode": "verify-full", "sslrootcert": "/nowhere.pem"}, "sslmode", "built without TLS"),
    ],
)
def test_each_reason_has_its_remedy(
    prepared: FreshDatabases, changed: dict[str, str], reason: str, remedy: str
) -> None:
    with prepared.warehouse() as warehouse, pytest.raises(SourceOutOfReach) as caught:
        reach.check(warehouse, make_conninfo(prepared.source_conninfo, **changed))
    assert reason in caught.value.what
    assert remedy in caught.value.next_command
    assert "wrong" not in caught.value.what


def test_a_user_without_the_right_is_told_the_right(prepared: FreshDatabases) -> None:
    with prepared.warehouse() as warehouse:
        warehouse.execute("create role reach_nobody")
        try:
            warehouse.execute("set role reach_nobody")
            with pytest.raises(MissingPrivilege, match="subscription") as caught:
                reach.check(warehouse, prepared.source_conninfo)
        finally:
            warehouse.execute("reset role")
            warehouse.execute("drop role reach_nobody")
    assert "pg_create_subscription" in caught.value.next_command


def test_nothing_of_the_question_stays(prepared: FreshDatabases) -> None:
    with prepared.warehouse() as warehouse:
        reach.check(warehouse, prepared.source_conninfo)
        assert warehouse.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    assert one(prepared.warehouse, "select count(*) from pg_subscription where subname ~ '^trw_probe'") == (0,)
    assert one(prepared.source, SLOTS) == (0,)
