"""The two databases of the product: the operational one and the warehouse, each embedded or on a server."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol, TypedDict
from zoneinfo import ZoneInfo

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from warehouse.core import ledger, ours, private_files, sandbox_only, server_proof, transport
from warehouse.core.database import connect
from warehouse.core.errors import SetupError
from warehouse.core.postgres import Cluster, find_binaries, source_port
from warehouse.core.progress import Progress
from warehouse.core.settings import PROJECT, Settings

WAREHOUSE = "warehouse"
SOURCE = "trs"


class _Named(TypedDict):
    """How a database is called: in a sentence, and by the setting that a person would correct."""

    what: str
    variable: str


_WAREHOUSE = _Named(what="the warehouse", variable="WAREHOUSE_DATABASE_URL")
_SOURCE = _Named(what="the operational database", variable="TRS_DATABASE_URL")

_ENV_BEGIN, _ENV_END = "# >>> the embedded warehouse, for dbt (written by `warehouse up`)", "# <<<"


class EmbeddedSource(Protocol):
    """What fills the embedded operational database; the sandbox is one, found by its entry point."""

    def ensure(self, conninfo: str, settings: Settings, progress: Progress) -> dict[str, int]:
        """Fill it if it is empty; returns the rows made per table, nothing when it was filled before."""

    def today(self, conninfo: str) -> date:
        """The date in that world."""

    def day_ended(self, conninfo: str, day: date) -> datetime | None:
        """When a day of that world was over by the server's clock; None where that is not on record."""


@dataclass
class Databases:
    """Where both databases are, and the embedded ones' servers.

    Args:
        settings: decides which of the two are embedded.
        cluster_settings: extra PostgreSQL settings for the embedded ones; tests switch fsync off here.
    """

    settings: Settings
    cluster_settings: dict[str, str] = field(default_factory=dict)
    _known: dict[str, ours.Database] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def warehouse_is_embedded(self) -> bool:
        return self.settings.warehouse_database_url is None

    @property
    def source_is_embedded(self) -> bool:
        return self.settings.trs_database_url is None

    def cluster(self, name: str) -> Cluster:
        """The embedded cluster of that name, whether or not it runs or is used."""
        own = {
            # Only flushed WAL is sent, so the source has to be able to send it at all.
            SOURCE: {"wal_level": "'logical'", "max_replication_slots": "10", "max_wal_senders": "10"},
            # Gives each applied transaction the commit time that it had at the source.
            # The workers of replication come out of the same number as those of parallel queries, of which there are
            # up to eight: a long query must not keep the stream from being started.
            WAREHOUSE: {
                "track_commit_timestamp": "on",
                "max_logical_replication_workers": "8",
                "max_worker_processes": "20",
            },
        }[name]
        binaries = find_binaries(self.settings.warehouse_postgres_bin)
        settings = self.settings
        return Cluster(
            name, settings.warehouse_home, binaries, {**own, **self.cluster_settings}, settings.warehouse_log_days
        )

    def embedded(self) -> list[str]:
        """The names of the databases that are embedded."""
        return [
            name for name, used in ((SOURCE, self.source_is_embedded), (WAREHOUSE, self.warehouse_is_embedded)) if used
        ]

    def start(self) -> list[str]:
        """Start the embedded ones that do not run; returns their names. The next command after a crash recovers."""
        sandbox_only.refuse_missing_source(self.settings)
        started = []
        for name in self.embedded():
            cluster = self.cluster(name)
            if self._start(cluster):
                started.append(name)
            cluster.create_database(name)
        if self.warehouse_is_embedded:
            home = self.settings.warehouse_home
            beside = PROJECT if home == PROJECT / ".warehouse" else home
            write_dbt_environment(self.warehouse_conninfo, beside / ".env")
            # Where a plain `dbt build` keeps what the database says of its failures (dbt_project.yml).
            private_files.make_folder(home / "dbt")
        return started

    def _start(self, cluster: Cluster) -> bool:
        """Start one, the source first: nobody who has taken its port meanwhile may be taken for it."""
        if self.embedded() != [SOURCE, WAREHOUSE]:
            return cluster.start()
        if cluster.name == SOURCE:
            return cluster.start(before_moving=self.cluster(WAREHOUSE).stop)
        return source_port.start(cluster, self.cluster(SOURCE))

    def stop(self) -> list[str]:
        """Stop the embedded ones that run; returns their names. The warehouse first: it talks to the source."""
        return [name for name in reversed(self.embedded()) if self.cluster(name).stop()]

    @property
    def warehouse_conninfo(self) -> str:
        """The warehouse's connection string: for us, and for dbt.

        Raises:
            UnsafeConnection: it leads to another machine without sslmode=verify-full.
        """
        url = self.settings.warehouse_database_url
        return self._safe(url, _WAREHOUSE) if url else self.cluster(WAREHOUSE).conninfo(WAREHOUSE)

    @property
    def source_conninfo(self) -> str:
        """The operational database's connection string: for us, and for the warehouse's own server.

        Raises:
            UnsafeConnection: it leads to another machine without sslmode=verify-full.
        """
        url = self.settings.trs_database_url
        return self._safe(url, _SOURCE) if url else self.cluster(SOURCE).conninfo(SOURCE)

    @property
    def transport_reason(self) -> str | None:
        """Why a connection to another machine is not checked; None when each is checked, or stays on this machine."""
        unchecked = [url for url in (self.warehouse_conninfo, self.source_conninfo) if not transport.is_checked(url)]
        return self.settings.warehouse_transport_reason if unchecked else None

    def _safe(self, url: SecretStr, which: _Named) -> str:
        reason = self.settings.warehouse_transport_reason
        return server_proof.insist(transport.checked(url.get_secret_value(), **which, reason=reason))

    def warehouse(self) -> psycopg.Connection:
        """A connection to the warehouse, in autocommit.

        Raises:
            SameDatabase: it is the operational database.
        """
        connection = connect(self.warehouse_conninfo, **_WAREHOUSE)
        return self._checked(WAREHOUSE, connection)

    def source(self) -> psycopg.Connection:
        """A connection to the operational database, in autocommit; it reads only, but for `writing()`.

        Raises:
            SameDatabase: it is the warehouse, or another one.
        """
        connection = connect(self.source_conninfo, **_SOURCE, read_only=True)
        return self._checked(SOURCE, connection)

    def _checked(self, name: str, connection: psycopg.Connection) -> psycopg.Connection:
        """Refuse two settings that lead to one database, and a warehouse in the operational database's place."""
        try:
            self._known[name] = ours.identify(connection)
            if name == SOURCE:
                sandbox_only.refuse_real_source(self.settings, connection)
            ours.refuse_mistaken(self._known.get(SOURCE), self._known.get(WAREHOUSE))
            # A session that somebody has left open must not keep a command of ours for ever.
            milliseconds = f"{self.settings.warehouse_wait_minutes * 60_000:.0f}ms"
            connection.execute("select set_config('lock_timeout', %s, false)", (milliseconds,))
        except BaseException:
            connection.close()
            raise
        return connection

    def migrate(self, warehouse: psycopg.Connection) -> None:
        """Bring the warehouse's ledger up to date; before its first table, see that the database is meant for it.

        Raises:
            SameDatabase: this is the operational database.
            NotOurs: the database has schemas of somebody else by the names that the warehouse needs.
        """
        if not self._known[WAREHOUSE].has_ledger:
            # Only now does the source have to be reached: a warehouse that is there can be used while it is down.
            self.source().close()
        ledger.migrate(warehouse)

    def embedded_source(self) -> EmbeddedSource:
        """What fills the embedded operational database.

        Raises:
            SetupError: the sandbox is not installed, so there is nothing to replicate from.
        """
        for point in entry_points(group="warehouse.source"):
            provider: EmbeddedSource = point.load()()
            return provider
        raise SetupError(
            "TRS_DATABASE_URL is not set, and no sandbox is installed to stand in for the operational database.",
            meaning="There is nothing to replicate from.",
            next_command="Set TRS_DATABASE_URL, or install the product with its sandbox (make setup).",
        )

    def today(self) -> date:
        """The business date: the setting's, or else the calendar's."""
        return self.settings.warehouse_today or self.calendar()

    def calendar(self) -> date:
        """The date in the world that the source records: the sandbox's own, or today in London."""
        if self.source_is_embedded:
            return self.embedded_source().today(self.source_conninfo)
        return datetime.now(ZoneInfo("Europe/London")).date()

    def day_ended(self, day: date) -> datetime | None:
        """When a day was over in that world: midnight in London; of the sandbox, when its clock moved on."""
        if self.source_is_embedded:
            return self.embedded_source().day_ended(self.source_conninfo, day)
        return datetime.combine(day + timedelta(days=1), time(), ZoneInfo("Europe/London"))


def dbt_environment(conninfo: str) -> dict[str, str]:
    """The variables that profiles.example.yml reads for a connection."""
    parts = conninfo_to_dict(conninfo)
    return {
        "WAREHOUSE_PGHOST": str(parts.get("host") or "127.0.0.1"),
        "WAREHOUSE_PGPORT": str(parts.get("port") or "5432"),
        "WAREHOUSE_PGUSER": str(parts.get("user") or ""),
        "WAREHOUSE_PGPASSWORD": str(parts.get("password") or ""),
        "WAREHOUSE_PGDATABASE": str(parts.get("dbname") or ""),
        # dbt's profiles have no word for it, and libpq reads it by itself: no password for whoever else listens there.
        "PGREQUIREAUTH": str(parts.get("require_auth") or ""),
    }


def write_dbt_environment(conninfo: str, path: Path) -> None:
    """Put the embedded warehouse's address into `.env`, so that a plain `dbt build` finds it.

    Only the lines between our two marks are ours; what a person wrote around them stays. Mode 600: it has a password.
    """
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    before, _, rest = old.partition(_ENV_BEGIN)
    after = rest.partition(_ENV_END)[2].lstrip("\n") if rest else ""
    lines = [f"{key}={value}" for key, value in dbt_environment(conninfo).items()]
    new = before.rstrip("\n") + ("\n" if before.strip() else "") + "\n".join([_ENV_BEGIN, *lines, _ENV_END]) + "\n"
    new += after
    if new == old:
        return
    temporary = path.with_name(path.name + f".{os.getpid()}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
        handle.write(new)
    temporary.replace(path)
