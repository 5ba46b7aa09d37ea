"""Settings: what is wrong is told by name, and a password is never shown."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from warehouse.core import settings, variables
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


@pytest.mark.parametrize(
    ("name", "words"),
    [
        # Empty: the default would be a sandbox in the place of TRS, a folder here in the place of the recipient.
        ("TRS_DATABASE_URL=", "TRS_DATABASE_URL is empty"),
        ("WAREHOUSE_DATABASE_URL= ", "WAREHOUSE_DATABASE_URL is empty"),
        ("WAREHOUSE_DESTINATION_TAD=", "WAREHOUSE_DESTINATION_TAD is empty"),
        ("WAREHOUSE_SFTP_KNOWN_HOSTS=", "WAREHOUSE_SFTP_KNOWN_HOSTS is empty"),
        ("WAREHOUSE_REPAIR=", "WAREHOUSE_REPAIR is empty"),
        # Misspelt: the same, and nobody sees it.
        ("WAREHOUSE_DESTINATION_DNADI=x", "DESTINATION_DNADI is not a setting; WAREHOUSE_DESTINATION_DANDI is"),
        ("WAREHOUSE_DESTINATIONS_TAD=x", "not a setting; WAREHOUSE_DESTINATION_TAD is"),
        ("warehouse_destination_nobody=x", "WAREHOUSE_DESTINATION_NOBODY is not a setting"),
        ("WAREHOUSE_DATABSE_URL=x", "not a setting; WAREHOUSE_DATABASE_URL is"),
        ("WAREHOUSE_WAL_BUDGET=5", "not a setting; WAREHOUSE_WAL_BUDGET_GB is"),
        ("TRS_DATABASE_ULR=x", "TRS_DATABASE_ULR is not a setting; TRS_DATABASE_URL is"),
        ("WAREHOUSE_XYZZY=x", "WAREHOUSE_XYZZY is not a setting."),
    ],
)
@pytest.mark.parametrize("place", ["environment", ".env"])
def test_an_empty_or_unknown_variable_is_refused(
    name: str, words: str, place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name, value = name.split("=")
    if place == "environment":
        monkeypatch.setenv(name, value)
    else:
        (tmp_path / ".env").write_text(f"{name}={value}\n")
        monkeypatch.setattr(variables, "given", partial(lambda read, _: read(tmp_path / ".env"), variables.given))
    with pytest.raises(SettingsError) as caught:
        settings.load()
    assert words in caught.value.what
    assert caught.value.exit_code == 10


def test_variables_that_are_known_are_let_through(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Those of dbt, that `warehouse up` writes; an empty business date; those of other programs."""
    write_dbt_environment("host=127.0.0.1 port=1 user=u password='' dbname=d", tmp_path / ".env")
    for name, value in {**variables.given(tmp_path / ".env"), "WAREHOUSE_TODAY": "", "TRS_ENVIRONMENT": "x"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WAREHOUSE_BIGQUERY_PROJECT", "p")
    monkeypatch.setenv("WAREHOUSE_DEBUG", "")
    assert settings.load().warehouse_today is None


def test_a_recipient_of_a_sandbox_without_a_destination_gets_the_deliveries_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WAREHOUSE_DELIVERIES", str(tmp_path))
    monkeypatch.setenv("WAREHOUSE_DESTINATION_DANDI", "gs://bucket/from-trw")
    loaded = settings.load()
    assert loaded.destination("dandi") == "gs://bucket/from-trw"
    assert loaded.destination("tad") == str(tmp_path)


@pytest.mark.parametrize("name", ["WAREHOUSE_DATABASE_URL", "TRS_DATABASE_URL"])
def test_with_a_database_on_a_server_a_destination_is_explicit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "postgresql://user:hunter2@db.example.org/d")
    monkeypatch.setenv("WAREHOUSE_DESTINATION_DANDI", "gs://bucket/from-trw")
    loaded = settings.load()
    assert loaded.destination("dandi") == "gs://bucket/from-trw"
    with pytest.raises(SettingsError, match="WAREHOUSE_DESTINATION_TAD is not set"):
        loaded.destination("tad")


def test_a_new_recipient_needs_no_python(tmp_path: Path) -> None:
    """A folder in exports/ is enough for its variable to be known."""
    for name in ("exports/tps",):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "profiles.example.yml").write_text("")
    given = {"WAREHOUSE_DESTINATION_TPS": "sftp://trw@files.example.org/in"}
    variables.check(given, [], tmp_path)
    loaded = settings.Settings(_env_file=None, destinations=variables.destinations(given))
    assert loaded.destination("tps") == "sftp://trw@files.example.org/in"


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
