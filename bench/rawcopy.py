"""The limit that copies are held against: binary COPY from psql to psql, one stream, into tables without keys."""

from __future__ import annotations

import subprocess

import psycopg
from psycopg import sql

from bench.measure import timing
from warehouse.core.databases import Databases
from warehouse.core.postgres import find_binaries


def raw_copy(databases: Databases, origin: str, target: str, tables: dict[str, list[str]]) -> tuple[float, int]:
    """Copy tables from one database to another, where they stand empty; seconds and rows."""
    psql = str(find_binaries(databases.settings.warehouse_postgres_bin).folder / "psql")
    rows = 0
    with psycopg.connect(target, autocommit=True) as connection:
        with timing() as watch:
            for table, columns in tables.items():
                names = sql.SQL(", ").join(map(sql.Identifier, columns))
                out = sql.SQL("copy {} ({}) to stdout (format binary)").format(sql.Identifier(table), names)
                into = sql.SQL("copy {} ({}) from stdin (format binary)").format(sql.Identifier(table), names)
                reading = subprocess.Popen([psql, origin, "-qXc", out.as_string(connection)], stdout=subprocess.PIPE)
                subprocess.run([psql, target, "-qXc", into.as_string(connection)], stdin=reading.stdout, check=True)
                if reading.wait() != 0:
                    raise RuntimeError(f"reading {table} failed")
        for table in tables:
            row = connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(table))).fetchone()
            rows += int(row[0]) if row else 0
    return watch.seconds, rows
