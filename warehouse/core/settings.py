"""The product's settings: environment variables, or the same names in `.env` at the top of the checkout."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from warehouse.core import private_files, transport, variables
from warehouse.core.destinations import forms
from warehouse.core.errors import SettingsError

PROJECT = Path(__file__).resolve().parents[2]
"""The top of the checkout, where dbt_project.yml, replication/ and exports/ stand."""

ENV_FILE = PROJECT / ".env"
"""Where settings may be written as well; what the environment says counts before it."""


_BY_NAME = ("destinations", "keys")
"""Settings that are many variables, each with a name of its own."""


class Settings(BaseSettings):
    """Every setting, with its default; `docs/settings.md` is written from these descriptions."""

    model_config = SettingsConfigDict(env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", populate_by_name=True)

    warehouse_database_url: SecretStr | None = Field(
        None,
        description="The warehouse's database on a server of your own (PostgreSQL 15 or later): "
        "postgresql://user:password@host/db. Unset: the embedded one.",
    )
    trs_database_url: SecretStr | None = Field(
        None,
        description="The operational database to replicate. Unset: the embedded, synthetic one of the sandbox.",
    )
    warehouse_transport_reason: str | None = Field(
        None,
        min_length=10,
        description="Why a connection to a database on another machine may have less than sslmode=verify-full, in a "
        "few words. Without it such a connection is refused (exit code 46); with it, the URL has to name the sslmode. "
        "Preflight and doctor show the reason, and each run records it.",
    )
    warehouse_home: Path = Field(
        PROJECT / ".warehouse",
        description="The folder for the embedded databases, their logs and files in preparation.",
    )
    warehouse_postgres_bin: Path | None = Field(
        None,
        description="The folder of the PostgreSQL programs for the embedded databases. "
        "Unset: those that were installed with this program, or else a system installation of version 15 or later.",
    )
    warehouse_evaluation: str | None = Field(
        None,
        min_length=10,
        description="Why an embedded database is used together with one that is not the sandbox's, in a few words. "
        "Without it that is refused (exit code 48); ledger.source_people keeps it. Made-up people never go to a "
        "recipient.",
    )
    warehouse_log_days: int = Field(
        30,
        ge=1,
        description="How many days the logs of the embedded databases are kept. They hold no values: an error of a "
        "session or of a replication worker is not logged.",
    )
    warehouse_replication_name: str = Field(
        "teaching_record_warehouse",
        pattern=r"^[a-z_][a-z0-9_]{0,40}$",
        description="The name of the publication, the slot and the subscription. "
        "Two warehouses on one operational database need two names.",
    )
    warehouse_role_prefix: str = Field(
        "",
        pattern=r"^[a-z0-9_]{0,30}$",
        description="What the names of the warehouse's roles (`analyst`, `engineer` …) begin with. Roles belong to the "
        "whole server: a second warehouse on it, or one where such a role is there already, needs a prefix.",
    )
    warehouse_candidate_days: float = Field(
        7.0,
        ge=0,
        description="How many days the tables of a build that failed are kept for somebody to look at (schemas "
        "`trw_build_…`, which no role but the engineer's may read). The next build drops them before that, and so does "
        "an erasure.",
    )
    warehouse_repair: Literal["ask", "automatic"] = Field(
        "ask",
        description="What a run does when the replication slot was lost: `ask` stops with exit code 50 until a "
        "person runs `warehouse replicate repair`; `automatic` repairs, and says so in its summary.",
    )
    warehouse_repair_deletes_percent: float = Field(
        1.0,
        ge=0,
        le=100,
        description="How much of a table a repair may delete without asking, in percent of its rows (at least 50 "
        "rows). If more would be deleted, the table is left as it is (exit code 67) until `warehouse replicate repair "
        "--allow-deletes TABLE`, because a user who may not see all rows, or a table emptied by mistake, looks the "
        "same.",
    )
    warehouse_wait_minutes: float = Field(
        30.0,
        gt=0,
        description="How many minutes a command waits for what other sessions hold (then exit code 69): for a lock in "
        "either database, and for transactions that are open at the source when a first copy, a repair or a reconcile "
        "makes its slot; those it names at the start and every minute.",
    )
    warehouse_sql_minutes: float = Field(
        30.0,
        gt=0,
        description="How many minutes `warehouse sql` may take, unless --minutes says otherwise (then exit code 47). "
        "A question that runs on keeps old rows from being removed, at the source as in the warehouse.",
    )
    warehouse_sql_source: bool = Field(
        False,
        description="Whether `warehouse sql --source` may ask an operational database on a server. It always may ask "
        "the sandbox's.",
    )
    warehouse_wal_budget_gb: float = Field(
        10.0,
        gt=0,
        description="How much WAL the source may retain for the warehouse, in gigabytes. "
        "`warehouse replicate status` reports when it is more, and warns a day ahead.",
    )
    warehouse_deliveries: Path = Field(
        PROJECT / "deliveries",
        description="The folder for deliveries to recipients without a destination of their own. Only used with the "
        "sandbox.",
    )
    destinations: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=dict,
        validation_alias="warehouse_destination_by_recipient",
        description=f"Where the files of a recipient of `exports/` go: {forms()} that exists. "
        "Unset: the folder of WAREHOUSE_DELIVERIES if both databases are embedded; "
        "required when a database is on a server.",
    )
    keys: Annotated[dict[str, SecretStr], NoDecode] = Field(
        default_factory=dict,
        validation_alias="warehouse_key_by_name",
        description="A key for pseudonyms, 32 random bytes or more in hexadecimal, such as "
        "WAREHOUSE_KEY_DANDI_STATISTICS_V1 (docs/runbooks/keys.md). Unset: the file dandi.statistics.v1.key in the "
        "folder of WAREHOUSE_KEY_FOLDER.",
    )
    warehouse_key_folder: Path | None = Field(
        None,
        description="The folder of the files with keys for pseudonyms, each readable by its owner alone. "
        "Unset: keys in WAREHOUSE_HOME.",
    )
    warehouse_sftp_key_file: Path | None = Field(
        None, description="The private key for SFTP destinations. Alternative: WAREHOUSE_SFTP_PASSWORD."
    )
    warehouse_sftp_password: SecretStr | None = Field(None, description="The password for SFTP destinations.")
    warehouse_sftp_known_hosts: Path | None = Field(
        None, description="The known_hosts file that SFTP servers are checked against. Unset: ~/.ssh/known_hosts."
    )
    warehouse_sftp_file_mode: Literal["0600", "0640"] = Field(
        "0640",
        description="The mode of files on an SFTP server: 0600 for the user who signs in, 0640 for its group too.",
    )
    warehouse_cloud_storage_emulator: str | None = Field(
        None,
        description="The address of an emulator of Cloud Storage on this machine, for tests: http://127.0.0.1:4443. "
        "Files go there without credentials, so another machine is refused, and so is the library's own variable "
        "STORAGE_EMULATOR_HOST.",
    )
    warehouse_cloud_storage_region: str = Field(
        "europe-west2",
        description="The region in which buckets have to be: London, if nothing else is agreed. `warehouse doctor` "
        "names one that is elsewhere.",
    )
    warehouse_azure_sas_file: Path | None = Field(
        None,
        description="The file with the shared access signature for Azure Blob Storage, readable by its owner alone. "
        "Unset: the identity that AZURE_CLIENT_ID, AZURE_TENANT_ID and the like name, or this machine's own.",
    )
    warehouse_azure_emulator: str | None = Field(
        None,
        description="The address of an emulator of Azure Blob Storage on this machine, for tests: "
        "http://127.0.0.1:10000. Another machine is refused.",
    )
    warehouse_today: date | None = Field(
        None,
        description="The business date that decides which deliveries are due. "
        "Unset: the sandbox's own date, or today in London.",
    )
    warehouse_sandbox_people: int = Field(20_000, ge=1, description="How many people a run puts into a new sandbox.")

    @field_validator("warehouse_database_url", "trs_database_url")
    @classmethod
    def _is_a_database_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and urlsplit(value.get_secret_value()).scheme not in ("postgresql", "postgres"):
            # Never the value itself: it holds a password.
            raise ValueError("a database URL starts with postgresql://")
        return value

    @field_validator("warehouse_cloud_storage_emulator", "warehouse_azure_emulator")
    @classmethod
    def _is_on_this_machine(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "http://localhost")
        if parts.scheme not in ("http", "https") or not parts.hostname or not transport.is_loopback(parts.hostname):
            raise ValueError("an emulator is at http://127.0.0.1:<port>, on this machine")
        return value

    @property
    def on_servers(self) -> bool:
        """Whether a database is on a server: then files go only where a setting sends them."""
        return self.warehouse_database_url is not None or self.trs_database_url is not None

    def destination(self, recipient: str) -> str:
        """Where a recipient's files go: WAREHOUSE_DESTINATION_<RECIPIENT>, or the deliveries folder of a sandbox.

        Raises:
            SettingsError: no setting says where, and a database is on a server.
        """
        own = self.destinations.get(recipient)
        if own:
            return own
        if self.on_servers:
            name = variables.destination_of(recipient)
            raise SettingsError(
                f"{name} is not set, so there is no destination for the files of {recipient}.",
                meaning="Nothing was sent and nothing was closed.",
                next_command=f"Set {name} to {forms()}, then run `warehouse deliver`.",
            )
        return str(self.warehouse_deliveries)

    def check_destinations(self) -> None:
        """See that every recipient has a destination, before anything is done that would end with a delivery.

        Raises:
            SettingsError: one has none.
        """
        for recipient in variables.recipients(PROJECT):
            self.destination(recipient)


@lru_cache(maxsize=1)
def load() -> Settings:
    """Read the settings once.

    Raises:
        SettingsError: a value does not parse or is empty, or a variable is not known; names it, never its value.
        SecretsExposed: other accounts of the machine can read a file with a password.
    """
    if variables.holds_a_secret(ENV_FILE):
        private_files.refuse_readable_by_others(ENV_FILE, "the file of the settings")
    given = variables.given(ENV_FILE)
    variables.check(given, [name.upper() for name in Settings.model_fields if name not in _BY_NAME], PROJECT)
    try:
        return Settings(destinations=variables.destinations(given), keys=variables.keys(given))
    except ValidationError as error:
        problems = "; ".join(
            f"{str(item['loc'][0]).upper()}: {item['msg'].removeprefix('Value error, ')}" for item in error.errors()
        )
        raise SettingsError(
            f"A setting is not usable ({problems}).",
            meaning="Nothing was started and nothing was changed.",
            next_command="Correct the variable (docs/settings.md lists them all), then run the command again.",
        ) from None


def near(path: str | Path) -> str:
    """A path as seen from the checkout, where that is shorter."""
    try:
        return str(Path(path).relative_to(PROJECT))
    except ValueError:
        return str(path)
