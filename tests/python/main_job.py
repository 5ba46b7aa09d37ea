"""The `warehouse` command as a person or a scheduler calls it: another process, with a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from dotenv import dotenv_values
from psycopg.conninfo import make_conninfo

from tests.python.conftest import make_databases
from tests.python.dbt.counts import COUNTS
from warehouse.core.settings import PROJECT

COMMAND = str(Path(sys.executable).with_name("warehouse"))


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
        return subprocess.run(
            [COMMAND, *arguments],
            cwd=PROJECT,
            env={**self.environment, **environment},
            capture_output=True,
            input=input or "",
            text=True,
            check=False,
        )

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
