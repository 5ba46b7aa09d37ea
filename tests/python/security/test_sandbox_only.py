"""The embedded servers are for made-up people, and made-up people go to nobody as real ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.python.conftest import WorldDatabases, make_databases
from warehouse.core import sandbox_only
from warehouse.core.errors import SandboxOnly
from warehouse.core.progress import Silent
from warehouse.replicate import replicate

ELSEWHERE = "postgresql://a:b@db.example.org/w?sslmode=verify-full"


def strict(databases: WorldDatabases, **settings: object) -> WorldDatabases:
    """The same without a person's reason."""
    databases.settings = databases.settings.model_copy(update={"warehouse_evaluation": None, **settings})
    return databases


def no_sandbox(databases: WorldDatabases) -> None:
    """Take away what tells the sandbox's database from another of the same schema."""
    with databases.at_source() as trs:
        trs.execute("drop schema sandbox cascade")


def test_a_missing_source_is_no_sandbox_for_a_real_warehouse(tmp_path: Path) -> None:
    databases = strict(make_databases(tmp_path / "home", warehouse_database_url=ELSEWHERE))
    with pytest.raises(SandboxOnly, match="TRS_DATABASE_URL is not set") as caught:
        databases.start()
    assert caught.value.exit_code == 48
    assert "Set TRS_DATABASE_URL" in caught.value.next_command
    assert not (tmp_path / "home").exists(), "something was started"


def test_a_real_source_goes_into_no_embedded_warehouse(prepared: WorldDatabases) -> None:
    """What is real is seen in the source: a mark of the sandbox makes it a made-up one, a setting does not."""
    prepared = strict(prepared, trs_database_url=SecretStr(prepared.source_conninfo))
    prepared.source().close()
    no_sandbox(prepared)
    with pytest.raises(SandboxOnly, match="embedded warehouse is for the sandbox only"):
        prepared.source()


def test_a_person_may_say_why(prepared: WorldDatabases) -> None:
    address, why = SecretStr(prepared.source_conninfo), "we try it with the test system"
    prepared = strict(prepared, trs_database_url=address, warehouse_evaluation=why)
    no_sandbox(prepared)
    replicate(prepared, Silent())
    with prepared.at_warehouse() as warehouse:
        noted = warehouse.execute("select synthetic, evaluation from ledger.source_people").fetchall()
    assert noted == [(False, why)]


def test_made_up_and_real_people_do_not_share_a_warehouse(prepared: WorldDatabases) -> None:
    replicate(strict(prepared), Silent())
    with prepared.at_warehouse() as warehouse:
        assert sandbox_only.holds_synthetic(warehouse) is True
        with pytest.raises(SandboxOnly, match="those that the warehouse holds are made up"):
            sandbox_only.note(warehouse, prepared.settings, synthetic=False)
        assert warehouse.execute("select synthetic from ledger.source_people").fetchall() == [(True,)]
