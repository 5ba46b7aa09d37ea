"""A world that the main job is run in, and what it came to there."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import psycopg
from psycopg.conninfo import conninfo_to_dict

import sandbox.source
from sandbox.defaults import SEED
from tests.python.main_job import Warehouse
from tests.python.worlds.belongings import digest
from warehouse.core.progress import Silent

PEOPLE = 300
TODAY: date = datetime.now(ZoneInfo("Europe/London")).date()
"""By the calendar: a first copy of today is delivered for no earlier month. One for all worlds, past midnight too."""

KEYS = {
    f"WAREHOUSE_KEY_{name}_V1": hashlib.sha256(
        f"the pseudonyms of {name} are the same in every world".encode()
    ).hexdigest()
    for name in ("DANDI_STATISTICS", "TAD_VINTAGE")
}
"""The key of the pseudonyms, so that files of two worlds can be compared."""

MARTS_OF_THE_RUN = (
    "data_quality",
    "dim_build",
    "fct_column_states",
    "fct_establishment_version",
    "fct_person_version",
    "fct_replica_quality",
    "fct_replication_gaps",
)
"""Marts that say when something became known or was found, and so different from run to run in any world."""

CHANGES = """
update persons set last_name = 'Ünal-Ó''Neill'
where person_id in (select person_id from persons order by person_id limit 5);

insert into tps_employments
select (jsonb_populate_record(e, jsonb_build_object(
    'tps_employment_id', md5(e.tps_employment_id::text)::uuid, 'key', e.key || '.again'
))).*
from tps_employments as e order by tps_employment_id limit 7;

delete from tps_employments
where tps_employment_id in (select tps_employment_id from tps_employments order by tps_employment_id desc limit 3);
"""
"""What happens at the source between two runs of a day: the same in each world."""


@dataclass(frozen=True)
class Refusal:
    """How a world is refused: with which exit code, and which words are in the message."""

    exit_code: int
    words: tuple[str, ...]


@dataclass
class Place:
    """Two databases of a world.

    Attributes:
        source_admin, warehouse_admin: connection strings of superusers: what the test itself does and looks at.
        source_url, warehouse_url: as the product is given them.
        environment: what else is in the shell that the product is called from.
    """

    home: Path
    name: str
    source_admin: str
    warehouse_admin: str
    source_url: str
    warehouse_url: str
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def shell(self) -> Warehouse:
        return Warehouse(self.home, PEOPLE)

    @property
    def variables(self) -> dict[str, str]:
        """The product's settings in this world, and the oddities of the shell."""
        return {
            "TRS_DATABASE_URL": self.source_url,
            "WAREHOUSE_DATABASE_URL": self.warehouse_url,
            "WAREHOUSE_REPLICATION_NAME": f"trw_{self.name}",
            "WAREHOUSE_TODAY": TODAY.isoformat(),
            **KEYS,
            "WAREHOUSE_DESTINATION_DANDI": str(self.home / "dandi"),
            "WAREHOUSE_DESTINATION_TAD": str(self.home / "tad"),
            "WAREHOUSE_DESTINATION_TPS": str(self.home / "tps"),
            "WAREHOUSE_DESTINATION_TRA": str(self.home / "tra"),
            **self.environment,
        }

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return self.shell.call(*arguments, **self.variables)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command and leave it at work."""
        return self.shell.start(*arguments, **self.variables)

    def json(self, *arguments: str) -> Any:
        """Run a command that must succeed, and read its JSON."""
        return self.shell.json(*arguments, **self.variables)

    def at_source(self, statements: str) -> None:
        """Change something at the source as its administrator."""
        with psycopg.connect(self.source_admin, autocommit=True, client_encoding="utf8") as connection:
            connection.execute(statements.encode())

    def at_warehouse(self, statements: str) -> None:
        """Change something in the warehouse's database as its administrator."""
        with psycopg.connect(self.warehouse_admin, autocommit=True, client_encoding="utf8") as connection:
            connection.execute(statements.encode())


@dataclass(frozen=True)
class Outcome:
    """What readers and receivers have: each mart and each delivered file with its digest."""

    marts: Mapping[str, str]
    files: Mapping[str, str]

    def differs_from(self, other: Outcome) -> list[str]:
        """The marts and files that are not the other's, by name."""
        return [
            name
            for ours, theirs in ((self.marts, other.marts), (self.files, other.files))
            for name in sorted(ours.keys() | theirs.keys())
            if ours.get(name) != theirs.get(name)
        ]


def outcome(place: Place) -> Outcome:
    """What is there now, as the administrator sees it in a session with settings of its own."""
    with psycopg.connect(place.warehouse_admin) as connection:
        connection.execute("set datestyle = 'ISO'; set intervalstyle = 'postgres'; set timezone = 'UTC'")
        connection.execute("set extra_float_digits = 1; set bytea_output = 'hex'")
        tables = connection.execute(
            "select n.nspname, c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace"
            " where n.nspname in ('marts', 'extracts') and c.relkind in ('r', 'v', 'm') and c.relname <> all(%s)",
            (list(MARTS_OF_THE_RUN),),
        ).fetchall()
        marts = {f"{schema}.{table}": digest(connection, schema, table) for schema, table in tables}
    files = {
        str(file.relative_to(place.home)): hashlib.sha256(file.read_bytes()).hexdigest()
        for recipient in ("dandi", "tad", "tps", "tra")
        for file in sorted((place.home / recipient).rglob("*"))
        # A manifest says when it was written.
        if file.is_file() and file.name != "datapackage.json"
    }
    return Outcome(marts, files)


def url(
    conninfo: str, *, user: str | None = None, password: str | None = None, dbname: str | None = None, **parameters: str
) -> str:
    """A connection string as a URL, for another user or another database where one is named."""
    parts = conninfo_to_dict(conninfo)
    parts["dbname"] = dbname or parts["dbname"]
    who = f"{quote(user or str(parts['user']))}:{quote(password or str(parts['password']), safe='')}"
    query = "&".join(f"{name}={quote(value)}" for name, value in parameters.items())
    return f"postgresql://{who}@{parts['host']}:{parts['port']}/{parts['dbname']}" + (f"?{query}" if query else "")


def make_source(conninfo: str) -> None:
    """Fill a database with the synthetic operational world: the same rows in each world."""
    sandbox.source.make(conninfo, PEOPLE, SEED, Silent())
