"""The odd worlds: each is made from a tidy place by what its administrators, its shell or other people did to it."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

import sandbox.schema
from sandbox.schema import database
from tests.python.replicate.world import PERSON, insert
from tests.python.waiting import until
from tests.python.worlds.belongings import Belongings, belongings
from tests.python.worlds.world import Place, url


@dataclass(frozen=True)
class World:
    """A world that is refused, and how.

    Attributes:
        oddities: in words, for the message of a failure.
        make: makes it of a tidy place.
        ledger: whether the refusal may come after the ledger was made in the warehouse.
        on_system: it is on the system's PostgreSQL, with TLS.
    """

    oddities: str
    make: Callable[[Place], Place]
    exit_code: int
    words: tuple[str, ...]
    ledger: bool = True
    on_system: bool = False


SESSION = {
    "statement_timeout": "1s",
    "lock_timeout": "1s",
    "idle_in_transaction_session_timeout": "1s",
    "idle_session_timeout": "1s",
    "datestyle": "SQL, DMY",
    "intervalstyle": "iso_8601",
    "timezone": "Asia/Kathmandu",
    "extra_float_digits": "-3",
    "bytea_output": "escape",
    "search_path": "pg_catalog",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "quote_all_identifiers": "on",
}
"""What an administrator may have set for a role, none of which may change what comes out."""

EVERYTHING = (
    "users with the least rights and without BYPASSRLS, whose time-outs, DateStyle, IntervalStyle, time zone, "
    "search_path and isolation are odd; a shell with PG… variables, another locale and time zone; other people's things"
)

SOURCE_ONLY = {
    "transaction_timeout": "1s",
    "default_transaction_isolation": "serializable",
    "default_transaction_read_only": "on",
}
"""The same for the source's user alone: for the warehouse's they are refused, see `limited_worker`."""

SHELL = {
    "PGDATESTYLE": "SQL, DMY",
    "PGTZ": "Asia/Kathmandu",
    "PGCLIENTENCODING": "LATIN1",
    "PGOPTIONS": "-c statement_timeout=1s -c search_path=pg_catalog",
    "PGUSER": "nobody",
    "PGPASSWORD": "wrong",
    "PGDATABASE": "nowhere",
    "PGPORT": "1",
    "PGAPPNAME": "somebody",
    "PGCONNECT_TIMEOUT": "1",
    "PGSSLMODE": "verify-full",
    "PGSERVICE": "nowhere",
    "PGHOSTADDR": "203.0.113.1",
    "PGTARGETSESSIONATTRS": "standby",
    "PGREQUIREAUTH": "none",
    "TZ": "Asia/Kathmandu",
    "LC_ALL": "C",
    "LANG": "tr_TR",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "COLUMNS": "40",
    "TERM": "dumb",
}
"""What a person's shell may hold."""


def with_roles(place: Place) -> Place:
    """Users of their own on both sides, with the least rights and with settings that get into the way.

    The source's user owns nothing and reads what it is allowed to; it has no BYPASSRLS. The administrator makes the
    publication with what `warehouse replicate sql` prints.
    """
    reader, owner = f"reader_{place.name}", f"owner_{place.name}"
    make_reader(place, reader)
    with psycopg.connect(place.warehouse_admin, autocommit=True) as connection:
        database = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("create role {} login password 'open sesame'").format(sql.Identifier(owner)))
        connection.execute(sql.SQL("grant pg_create_subscription to {}").format(sql.Identifier(owner)))
        connection.execute(sql.SQL("alter database {} owner to {}").format(database, sql.Identifier(owner)))
    odd_settings(place.source_admin, reader, {**SESSION, **SOURCE_ONLY})
    odd_settings(place.warehouse_admin, owner, SESSION)
    return replace(
        place,
        source_url=url(place.source_admin, user=reader, password="open sesame"),
        warehouse_url=url(place.warehouse_admin, user=owner, password="open sesame"),
    )


def make_reader(place: Place, reader: str) -> None:
    """A user of the source with the rights that the product prints, column by column, and the publication."""
    with psycopg.connect(place.source_admin, autocommit=True) as connection:
        who = sql.Identifier(reader)
        connection.execute(sql.SQL("create role {} login replication password 'open sesame'").format(who))
    place.at_source(place.call("replicate", "sql", "--role", reader).stdout)


def odd_settings(administrator: str, role: str, settings: Mapping[str, str]) -> None:
    """Settings of a role that reach every session of it, unless the session sets its own."""
    with psycopg.connect(administrator, autocommit=True) as connection:
        for name, value in settings.items():
            connection.execute(
                sql.SQL("alter role {} set {} = {}").format(
                    sql.Identifier(role),
                    sql.SQL(name),
                    # A list is not quoted as a whole.
                    sql.SQL(value) if name in ("datestyle", "search_path") else sql.Literal(value),
                )
            )


NEIGHBOURS = """
create extension hstore;
create schema neighbours;
create table neighbours.people (id int primary key, name text);
insert into neighbours.people select i, 'neighbour ' || i from generate_series(1, 100) as i;
create table neighbours.closed as select * from neighbours.people;
create function public.lower(text) returns text language sql immutable as $$ select 'hijacked' $$;
create function public.md5(text) returns text language sql immutable as $$ select 'hijacked' $$;
create domain public.trn as text;
"""
"""Other people's things in the warehouse's database, some under names that may be taken for PostgreSQL's."""

ANALYSTS = """
create schema analysts;
create view analysts.active as select person_id, trn from marts.dim_person where is_active;
create materialized view analysts.employments as select * from marts.fct_employment;
create table analysts.notes as select trn, 'a note' as note from marts.dim_person;
create function analysts.people() returns bigint language sql as $$ select count(*) from marts.dim_person $$;
"""
"""What analysts make of our marts."""


def not_ours(place: Place) -> Belongings:
    """Other people's things in the warehouse's database."""
    theirs = ("neighbours", "analysts", "extension", "function", "domain", "type")
    return {name: digest for name, digest in belongings(place.warehouse_admin).items() if _is_of(name, theirs)}


def _is_of(name: str, theirs: tuple[str, ...]) -> bool:
    # Functions and types of ours are in the history and in the schemas of models.
    return any(word in name for word in theirs) and "history." not in name and "versions." not in name


@contextmanager
def table_locked_while_models_are_built(place: Place) -> Iterator[subprocess.Popen[str]]:
    """A run whose build has to wait for a table for longer than any time-out of its user's.

    Somebody locks a table of the replica when the build begins, and lets go when a session has waited for it for 1.5 s
    by the server's clock.
    """
    running = place.start("run")
    assert running.stdout is not None
    said = []
    for line in running.stdout:
        said.append(line)
        if line.startswith("build ..."):
            break
    else:
        raise AssertionError(f"the run ended before a build: {said} {running.communicate()}")
    with psycopg.connect(place.warehouse_admin) as holder, psycopg.connect(place.warehouse_admin) as watcher:
        watcher.autocommit = True
        holder.execute("lock table public.persons in access exclusive mode")
        me = (holder.info.backend_pid,)
        until(
            "the build waits for a table", lambda: running.poll() is not None or watcher.execute(_WAITS, me).fetchone()
        )
        assert running.poll() is None, f"the build did not wait for a table: {running.communicate()}"
    yield running


_WAITS = """
select pid from pg_stat_activity
where %s = any(pg_blocking_pids(pid)) and clock_timestamp() - query_start > interval '1.5 s'
"""


def source_in_latin(place: Place) -> Place:
    """A source that has no letter beyond those of western Europe, with the users' rows that matter."""
    with psycopg.connect(place.source_admin, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} encoding 'LATIN1' locale 'C' template template0").format(
                sql.Identifier(f"{place.name}_latin")
            )
        )
    admin = url(place.source_admin, dbname=f"{place.name}_latin")
    with psycopg.connect(admin, autocommit=True, client_encoding="utf8") as connection:
        # The tables alone: their first rows have dashes that LATIN1 does not. So keys of others lead nowhere.
        connection.execute("create extension btree_gin")
        for file in database._ddl_files():
            connection.execute(file.read_text(encoding="utf-8").replace(database._COLLATE_CLAUSE, "").encode())
        connection.execute("set session_replication_role = replica")
        for number, name in enumerate(("Señora Ñandú", "Smith")):
            insert(
                connection,
                "persons",
                {**PERSON, "person_id": uuid.UUID(int=number), "trn": f"100000{number}", "last_name": name},
            )
    return replace(place, source_admin=admin, source_url=admin)


# -- worlds that are refused ---------------------------------------------------------------------------------------


def row_security(place: Place) -> Place:
    """Row security on a table, and a user of the source without BYPASSRLS."""
    reader = f"reader_{place.name}"
    make_reader(place, reader)
    place.at_source("alter table alerts enable row level security")
    return replace(place, source_url=url(place.source_admin, user=reader, password="open sesame"))


def identical(place: Place) -> Place:
    """The operational database's address in both settings."""
    return replace(place, warehouse_url=place.source_url, warehouse_admin=place.source_admin)


def identical_by_another_name(place: Place) -> Place:
    """The same, by another name of the same machine."""
    other = place.source_url.replace("127.0.0.1", "localhost")
    assert other != place.source_url
    return replace(place, warehouse_url=other, warehouse_admin=place.source_admin)


def authority_of_the_client_alone(place: Place) -> Place:
    """A certificate authority in the home folder of the person, not in that of the warehouse's server."""
    authority = str(conninfo_to_dict(place.source_url)["sslrootcert"])
    (place.home / ".postgresql").mkdir()
    shutil.copyfile(authority, place.home / ".postgresql/root.crt")
    return replace(
        place,
        source_url=place.source_url.replace(f"&sslrootcert={authority}", ""),
        environment={"HOME": str(place.home)},
    )


def identical_by_a_socket(place: Place) -> Place:
    """The same, by its server's socket."""
    parts = conninfo_to_dict(place.source_url)
    folder = Path(str(parts["sslrootcert"])).parent / "sockets"
    who = f"{parts['user']}:{quote(str(parts['password']), safe='')}"
    other = f"postgresql://{who}@/{parts['dbname']}?host={folder}&port={parts['port']}"
    return replace(place, warehouse_url=other, warehouse_admin=place.source_admin)


def swapped(place: Place) -> Place:
    """Each address in the other's setting, where nothing was ever made."""
    return replace(place, source_url=place.warehouse_url, warehouse_url=place.source_url)


def swapped_later(place: Place) -> Place:
    """The same, after a first copy."""
    place.json("replicate", "run")
    return swapped(place)


def foreign(statements: str) -> Callable[[Place], Place]:
    """Somebody else's things in the warehouse's database."""

    def make(place: Place) -> Place:
        place.at_warehouse(statements)
        return place

    return make


def taken_over(place: Place) -> Place:
    """A table of the replica that somebody dropped and made their own, after a first copy."""
    place.json("replicate", "run")
    place.at_warehouse(
        "drop table public.alerts cascade; create table public.alerts (a int); insert into public.alerts values (1)"
    )
    return place


def in_ascii(place: Place) -> Place:
    """A source whose server does not know its encoding."""
    with psycopg.connect(place.source_admin, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} encoding 'SQL_ASCII' locale 'C' template template0").format(
                sql.Identifier(f"{place.name}_ascii")
            )
        )
    admin = url(place.source_admin, dbname=f"{place.name}_ascii")
    with psycopg.connect(admin, autocommit=True, client_encoding="utf8") as connection:
        sandbox.schema.create(connection)
    return replace(place, source_admin=admin, source_url=admin)


def warehouse_in_latin(place: Place) -> Place:
    """A warehouse that has no letter beyond those of western Europe."""
    with psycopg.connect(place.warehouse_admin, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} encoding 'LATIN1' locale 'C' template template0").format(
                sql.Identifier(f"{place.name}_latin")
            )
        )
    admin = url(place.warehouse_admin, dbname=f"{place.name}_latin")
    return replace(place, warehouse_admin=admin, warehouse_url=admin)


def limited_worker(place: Place) -> Place:
    """A time limit for every transaction of the warehouse's user, which the worker that applies changes has as well."""
    with psycopg.connect(place.warehouse_admin, autocommit=True) as connection:
        owner = sql.Identifier(f"owner_{place.name}")
        connection.execute(sql.SQL("create role {} superuser login password 'open sesame'").format(owner))
        connection.execute(sql.SQL("alter role {} set transaction_timeout = '1s'").format(owner))
    return replace(place, warehouse_url=url(place.warehouse_admin, user=f"owner_{place.name}", password="open sesame"))


REFUSED = {
    "row_security": World("row security on a table, for a user without BYPASSRLS", row_security, 17, ("alerts",)),
    "identical": World("one address for both databases", identical, 19, ("same database",), ledger=False),
    "identical_by_another_name": World(
        "two names of one database", identical_by_another_name, 19, ("same database",), ledger=False
    ),
    "identical_by_a_socket": World(
        "a name and a socket of one database",
        identical_by_a_socket,
        19,
        ("same database",),
        ledger=False,
        on_system=True,
    ),
    "swapped": World("swapped addresses", swapped, 44, ("used by somebody else", "swapped"), ledger=False),
    "swapped_later": World("addresses swapped after a first copy", swapped_later, 19, ("swapped",), ledger=False),
    "authority_of_the_client_alone": World(
        "a certificate authority that only the person's machine has",
        authority_of_the_client_alone,
        38,
        ("warehouse's server", "root certificate", "readable by the user that PostgreSQL runs as"),
        on_system=True,
    ),
    "source_in_ascii": World("a source in SQL_ASCII", in_ascii, 15, ("SQL_ASCII",)),
    "warehouse_in_latin": World("a warehouse in LATIN1", warehouse_in_latin, 13, ("LATIN1", "ENCODING 'UTF8'")),
    "limited_worker": World(
        "a transaction_timeout of the warehouse's user", limited_worker, 13, ("transaction_timeout", "ALTER ROLE")
    ),
    "others_tables": World(
        "somebody else's tables and views, by names of the replica's",
        foreign(
            "create table public.users (id int); insert into public.users values (1);"
            "create view public.notes as select 1 as a"
        ),
        44,
        ("public.users", "public.notes"),
        ledger=False,
    ),
    "others_schemas": World(
        "somebody else's schemas, by names of ours",
        foreign(
            "create schema marts; create table marts.dim_person (a int); insert into marts.dim_person values (1);"
            "create schema ledger; create table ledger.runs (a int); create schema history; create schema staging"
        ),
        44,
        ("schema marts", "schema ledger", "schema history", "schema staging"),
        ledger=False,
    ),
    "taken_over": World("a table of the replica that somebody made their own", taken_over, 44, ("public.alerts",)),
}
