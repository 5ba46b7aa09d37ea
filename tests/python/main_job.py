"""The `warehouse` command as a person or a scheduler calls it: another process, with a home of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from dotenv import dotenv_values
from psycopg.conninfo import make_conninfo

from tests.python import commands
from tests.python.commands import COMMAND
from tests.python.conftest import make_databases
from tests.python.dbt.counts import COUNTS
from warehouse.core import private_files
from warehouse.core.settings import PROJECT

_READ = PROJECT / ".pytest_cache" / "dbt" / "partial_parse.msgpack"
"""What dbt keeps of the project once it has read it: the first run of all tests writes it, the others take it over."""


@dataclass
class Warehouse:
    """A warehouse of a test: its home, its deliveries and its environment."""

    home: Path
    people: int = 1_500

    @property
    def deliveries(self) -> Path:
        return self.home / "deliveries"

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("WAREHOUSE_", "TRS_"))}
        return {
            **kept,
            "WAREHOUSE_HOME": str(self.home),
            "WAREHOUSE_DELIVERIES": str(self.deliveries),
            "WAREHOUSE_SANDBOX_PEOPLE": str(self.people),
            "NO_COLOR": "1",
        }

    def call(self, *arguments: str, input: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end.

        Args:
            input: what it reads from standard input; nothing by default.
        """
        if arguments[0] in ("run", "build"):
            self._bring_what_dbt_has_read()
        done = commands.run(arguments, PROJECT, {**self.environment, **environment}, input or "")
        self._keep_what_dbt_has_read()
        return done

    @property
    def _read_by_dbt(self) -> Path:
        return self.home / "dbt" / "target" / "partial_parse.msgpack"

    def _bring_what_dbt_has_read(self) -> None:
        """Spare a home's first build the reading of the whole project; dbt looks itself whether all is as it was."""
        if _READ.exists() and not self._read_by_dbt.exists() and self.home.parent.exists():
            for folder in (self.home, self.home / "dbt", self._read_by_dbt.parent):
                private_files.make_folder(folder)
            shutil.copyfile(_READ, self._read_by_dbt)

    def _keep_what_dbt_has_read(self) -> None:
        if self._read_by_dbt.exists() and not _READ.exists():
            _READ.parent.mkdir(parents=True, exist_ok=True)
            aside = _READ.with_suffix(f".{os.getpid()}")
            shutil.copyfile(self._read_by_dbt, aside)
            aside.replace(_READ)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command and leave it at work."""
        return subprocess.Popen(
            [COMMAND, *arguments],
            cwd=PROJECT,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def json(self, *arguments: str, **environment: str) -> Any:
        """Run a command that must succeed, and read its JSON."""
        done = self.call(*arguments, "--json", **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def operate(self, statement: LiteralString) -> None:
        """What the operational system does in its database; the product's own sessions only read there."""
        with make_databases(self.home).at_source() as trs:
            trs.execute(statement)

    @property
    def address(self) -> str:
        """How a client of PostgreSQL reaches the warehouse: what `.env` says."""
        kept = dotenv_values(self.home / ".env")
        keys = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "DATABASE"}
        return make_conninfo(**{key: kept[f"WAREHOUSE_PG{name}"] for key, name in keys.items()})

    def ask(self, query: str, *options: str) -> list[dict[str, Any]]:
        """The rows of a query."""
        rows: list[dict[str, Any]] = self.json("sql", query, *options)
        return rows


class AsBuilt:
    """The marts of the last build, beside the replica that they were made of."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self.as_at = str(self.rows("select as_at_date from dim_build")[0][0])

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(query.encode()).fetchall()

    def number(self, query: str) -> int:
        return int(self.rows(query)[0][0])


def count_all(warehouse: Warehouse, as_at: str) -> None:
    """Hold what marts count against the source; before the stream brings more than the build knew."""
    path = "-c search_path=extracts,marts,intermediate,staging,seeds,public"
    with psycopg.connect(warehouse.address, options=path) as connection:
        built = AsBuilt(connection)
        assert built.as_at == as_at
        wrong = {}
        for name, count in COUNTS.items():
            try:
                count(built)
            except AssertionError as error:
                wrong[name] = str(error)
    assert wrong == {}
