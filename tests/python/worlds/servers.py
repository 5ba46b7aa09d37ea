"""A system PostgreSQL with TLS, as it is on a server of one's own; the built-in one has neither TLS nor ICU."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from psycopg import connect

from tests.python.conftest import FAST
from tests.python.waiting import until
from tests.python.worlds import tls
from warehouse.core.postgres import Binaries, Cluster, find_binaries
from warehouse.core.postgres.binaries import system_folders
from warehouse.core.postgres.owner import unprivileged_owner

_TEST = {**FAST, "ssl": "on", "wal_retrieve_retry_interval": "'500ms'"}
"""What a runbook sets is not here: that is what its test is about."""

READY = {"wal_level": "'logical'", "track_commit_timestamp": "on", "max_slot_wal_keep_size": "'20GB'"}
"""The same, for tests that begin later."""

ICU = "locale_provider icu icu_locale 'en-GB'"
"""How a database is made that compares text by the rules of a language."""

_LOADED = "select pg_conf_load_time()"


def system_binaries() -> Binaries:
    """The programs of a system installation, or one loud skip."""
    folders = system_folders()
    if not folders:
        pytest.skip(
            "no system PostgreSQL is installed (apt-get install postgresql): nothing about TLS and ICU is tested"
        )
    return find_binaries(folders[0])


class SystemServer:
    """A cluster of the system's PostgreSQL that lets nobody in without TLS.

    Attributes:
        authority: the certificate to trust.
        administrator: the connection string of its superuser, to the database `postgres`.
    """

    def __init__(self, folder: Path, name: str, authority: Path, settings: Mapping[str, str] | None = None) -> None:
        self.authority = authority
        self._folder = folder / name
        own = {**_TEST, **self._certificate(), **(settings or {})}
        own["unix_socket_directories"] = f"'{self._sockets(folder)}'"
        self._cluster = Cluster(name, folder, system_binaries(), own)
        self._cluster.start()
        self.allow("hostssl all warehouse 127.0.0.1/32 scram-sha-256\n", anew=True)

    @property
    def port(self) -> str:
        return (self._cluster.folder / "port").read_text()

    @property
    def psql(self) -> str:
        return str(system_binaries().folder / "psql")

    def url(self, user: str, password: str, database: str, parameters: str | None = None) -> str:
        """How a person would write it; `parameters` instead of a full verification."""
        parameters = parameters if parameters is not None else f"sslmode=verify-full&sslrootcert={self.authority}"
        return f"postgresql://{user}:{password}@{tls.HOST}:{self.port}/{database}?{parameters}"

    def administrator(self, database: str = "postgres") -> str:
        """A superuser's connection string."""
        password = (self._cluster.folder / "password").read_text().strip()
        return self.url("warehouse", password, database)

    def stop(self) -> None:
        self._cluster.stop()

    def show(self, authority: Path, *, host: str = tls.HOST, days: int = 30) -> None:
        """Have the server show another certificate from now on."""
        unchecked = self.administrator().replace("verify-full", "require").partition("&")[0]
        with connect(unchecked) as before:
            (was,) = before.execute(_LOADED).fetchall()
        self._made(self._folder, authority, host, days)
        self._control("reload")

        def has_loaded() -> bool:
            with connect(unchecked) as now:
                return now.execute(_LOADED).fetchall() != [was]

        until("the server shows its new certificate", has_loaded)

    def _certificate(self) -> dict[str, str]:
        self._folder.mkdir(parents=True)
        self._folder.chmod(0o755)
        certificate, key = self._made(self._folder, self.authority, tls.HOST, 30)
        return {"ssl_cert_file": f"'{certificate}'", "ssl_key_file": f"'{key}'"}

    def _made(self, folder: Path, authority: Path, host: str, days: int) -> tuple[Path, Path]:
        """The server's own files; PostgreSQL wants the key to be its user's alone."""
        certificate, key = tls.make_server_certificate(authority, folder, host=host, days=days)
        key.chmod(0o600)
        owner = unprivileged_owner()
        for file in (certificate, key):
            if owner:
                owner.takes(file)
        return certificate, key

    def _sockets(self, folder: Path) -> Path:
        made = folder / "sockets"
        made.mkdir(exist_ok=True)
        owner = unprivileged_owner()
        if owner:
            owner.takes(made)
        return made

    def allow(self, rules: str, *, anew: bool = False) -> None:
        """Add lines to pg_hba.conf and reload."""
        file = self._cluster.data / "pg_hba.conf"
        file.write_text(("" if anew else file.read_text()) + rules)
        self._control("reload")

    def restart(self) -> None:
        """As after a change of settings."""
        self._cluster.stop()
        self._cluster.start()

    def variables(self, user: str) -> dict[str, str]:
        """The shell of its administrator."""
        return {
            "PGHOST": tls.HOST,
            "PGPORT": self.port,
            "PGUSER": user,
            "PGPASSWORD": (self._cluster.folder / "password").read_text().strip(),
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": str(self.authority),
        }

    def _control(self, *arguments: str) -> None:
        done = self._cluster._pg_ctl(*arguments)
        assert done.returncode == 0, done.stdout


def remove(folder: Path) -> None:
    """Throw the folder of stopped servers away."""
    shutil.rmtree(folder, ignore_errors=True)
