"""Examinations, one after the other: each either says what is good, or is told as the error that a run would meet."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import psycopg

from warehouse.core.database import describe
from warehouse.core.databases import Databases
from warehouse.core.errors import WarehouseError
from warehouse.core.postgres import find_binaries

ROOM_BYTES = 5_000_000_000
"""Less than this is told: the embedded databases of 200,000 people take about as much (bench/README.md)."""


@dataclass(frozen=True)
class Finding:
    """What an examination found."""

    subject: str
    state: Literal["good", "note", "broken"]
    what: str
    next_command: str | None = None


Check = tuple[str, Callable[[], str]]
"""What is examined, and the examination: it returns what is good, or raises a WarehouseError."""


def examine(databases: Databases, of_the_stages: list[Check]) -> list[Finding]:
    """Run every examination; one that fails does not stop the next."""
    return [
        Finding("Python", "good", f"{sys.version.split()[0]}"),
        *(_examined(subject, check) for subject, check in _own_checks(databases)),
        _room(databases),
        *(_examined(subject, check) for subject, check in of_the_stages),
    ]


def _examined(subject: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, "good", check())
    except WarehouseError as error:
        return Finding(subject, "broken", f"{error.what} {error.meaning}", error.next_command)


def _own_checks(databases: Databases) -> list[Check]:
    checks: list[Check] = []
    if databases.embedded():
        checks += [
            ("PostgreSQL programs", lambda: _programs(databases)),
            ("embedded databases", lambda: _started(databases)),
        ]
    return [
        *checks,
        ("warehouse", lambda: _answers(databases.warehouse, databases.warehouse_conninfo)),
        ("operational database", lambda: _answers(databases.source, databases.source_conninfo)),
    ]


def _programs(databases: Databases) -> str:
    found = find_binaries(databases.settings.warehouse_postgres_bin)
    origins = {"wheel": "built in, without ICU and TLS", "system": "of the system", "setting": "as set"}
    return f"PostgreSQL {found.version}, {origins[found.origin]}"


def _started(databases: Databases) -> str:
    started = databases.start()
    names = ", ".join(databases.embedded())
    return f"{names} run" + (f" (started now: {', '.join(started)})" if started else "")


def _answers(connect: Callable[[], psycopg.Connection], conninfo: str) -> str:
    with connect() as connection:
        version = connection.info.parameter_status("server_version")
        collations = connection.execute(
            "select exists (select from pg_collation where collname = 'en-x-icu')"
        ).fetchone()
        encrypted = connection.pgconn.ssl_in_use
    icu = "ICU" if collations and collations[0] else "no ICU: text compares by case"
    return f"PostgreSQL {version} at {describe(conninfo)}; {icu}; {'TLS' if encrypted else 'not encrypted'}"


def _room(databases: Databases) -> Finding:
    home = databases.settings.warehouse_home
    folder = next(path for path in (home, *home.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    what = f"{free / 1e9:,.1f} GB free for {folder}"
    if free < ROOM_BYTES:
        return Finding("disk", "note", what, "Make room there, or set WAREHOUSE_HOME to a larger disk.")
    return Finding("disk", "good", what)
