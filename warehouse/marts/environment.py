"""The environment of dbt: the same sessions and the same choices, whatever the shell, the role or the URL says."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import psycopg

from warehouse.core import session

PLANNING = {"enable_nestloop": "off", "default_statistics_target": "20"}
"""How the server plans what dbt asks.

Nested loops: a model joins whole tables. Of what a query makes (each person's last event, rows without their
repetitions) the server expects a few, where there are as many as people, and such a plan, which goes through one table
for each row of another, takes as long as the people squared.

Statistics: of 6,000 rows of each table in place of 30,000. A quarter of the server's time of a build with 20,000 people
went into them. What readers see has its own, of as many rows as the server's settings say.
"""


def of(connection: psycopg.Connection) -> dict[str, str]:
    """The variables with which dbt reaches the server that this connection reached, in the same way.

    dbt passes on host, port, user, password and database, and drops the rest of a URL: certificates, options, which of
    several hosts. libpq, which it connects with, takes all of these from its own variables.
    """
    info = connection.info
    libpq = {
        option.envvar.decode(): option.val.decode()
        for option in connection.pgconn.info
        if option.envvar and option.val is not None
    }
    settings = session.wanted(info.server_version) | PLANNING
    options = " ".join(f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in settings.items())
    # Of several hosts the one that answered; a service's entries are among the options already.
    for name in ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGSERVICE", "PGSERVICEFILE"):
        libpq.pop(name, None)
    if "PGHOSTADDR" in libpq:
        libpq["PGHOSTADDR"] = info.hostaddr
    return {
        **libpq,
        "PGOPTIONS": f"{libpq.get('PGOPTIONS', '')} {options}".strip(),
        "PGCLIENTENCODING": "UTF8",
        "WAREHOUSE_PGHOST": info.host,
        "WAREHOUSE_PGPORT": str(info.port),
        "WAREHOUSE_PGUSER": info.user,
        "WAREHOUSE_PGPASSWORD": info.password,
        "WAREHOUSE_PGDATABASE": info.dbname,
    }


@contextlib.contextmanager
def only(variables: dict[str, str]) -> Iterator[None]:
    """These variables, and none of the caller's that libpq or dbt would heed: DBT_EMPTY=1 would build empty marts."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(("PG", "DBT_", "WAREHOUSE_PG")):
            del os.environ[name]
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def no_server() -> Iterator[None]:
    """An address without a server, while dbt reads the project: it connects to none.

    dbt reads the whole project again where the address is another one than last time. Nothing that it reads depends on
    the address, but the name of the database, which stands in every relation.
    """
    address = {"WAREHOUSE_PGHOST": "nowhere.invalid", "WAREHOUSE_PGPORT": "1", "WAREHOUSE_PGUSER": "nobody"}
    before = {name: os.environ.get(name) for name in address}
    os.environ.update(address)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
