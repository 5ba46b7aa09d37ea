"""Settings: what is wrong is told by name, and a password is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from warehouse.core import settings
from warehouse.core.database import describe
from warehouse.core.databases import write_dbt_environment
from warehouse.core.errors import SettingsError


@pytest.fixture(autouse=True)
def _read_anew() -> None:
    settings.load.cache_clear()


@pytest.mark.parametrize("name", ["WAREHOUSE_DATABASE_URL", "TRS_DATABASE_URL"])
def test_a_wrong_url_is_named_without_its_password(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "mysql://user:hunter2@host/db")
    with pytest.raises(SettingsError) as caught:
        settings.load()
    assert name in caught.value.what
    assert "postgresql://" in caught.value.what
    assert "hunter2" not in str(vars(caught.value))


def test_an_empty_variable_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRS_DATABASE_URL", "")
    assert settings.load().trs_database_url is None


def test_a_recipient_without_a_destination_gets_the_deliveries_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WAREHOUSE_DELIVERIES", str(tmp_path))
    monkeypatch.setenv("WAREHOUSE_DESTINATION_DANDI", "gs://bucket/from-trw")
    loaded = settings.load()
    assert loaded.destination("dandi") == "gs://bucket/from-trw"
    assert loaded.destination("tad") == str(tmp_path)


def test_a_new_recipient_needs_no_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAREHOUSE_DESTINATION_TPS", "sftp://trw@files.example.org/in")
    assert settings.load().destination("tps") == "sftp://trw@files.example.org/in"


def test_a_connection_is_described_without_its_password() -> None:
    said = describe("postgresql://ann:hunter2@db.example.org:5433/trs?sslmode=require")
    assert said == "db.example.org:5433/trs as ann"


def test_env_keeps_what_a_person_wrote(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("MINE=1\n")
    write_dbt_environment("host=127.0.0.1 port=1 user=u password=p dbname=d", file)
    write_dbt_environment("host=127.0.0.1 port=2 user=u password=p dbname=d", file)
    text = file.read_text()
    assert text.startswith("MINE=1\n")
    assert text.count("WAREHOUSE_PGPORT=") == 1
    assert "WAREHOUSE_PGPORT=2" in text
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text(text + "ALSO_MINE=2\n")
    write_dbt_environment("host=127.0.0.1 port=3 user=u password=p dbname=d", file)
    assert file.read_text().endswith("ALSO_MINE=2\n")
