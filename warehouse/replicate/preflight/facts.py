"""What preflight rests on, read from both databases. Only reads, and asks for nothing that only a superuser may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import LiteralString

import psycopg

from warehouse.core.database import one
from warehouse.core.postgres.binaries import OLDEST
from warehouse.replicate.catalog import identity, publication, subscriptions
from warehouse.replicate.catalog.identity import ReplicaIdentity
from warehouse.replicate.catalog.publication import Publication
from warehouse.replicate.preflight.at_source import SYSTEM_COLUMNS


@dataclass(frozen=True)
class Server:
    """A server, as this user sees it.

    Attributes:
        version: such as 180003.
        role: this user.
        settings: of pg_settings, in their base units; what the version does not have is not in it.
    """

    version: int
    role: str
    settings: Mapping[str, str]

    def number(self, setting: str) -> int | None:
        """A setting as a number; None when the version does not have it."""
        value = self.settings.get(setting)
        return int(value) if value is not None else None


@dataclass(frozen=True)
class Source(Server):
    """The operational database's server and its tables.

    Attributes:
        unreadable: published tables of which this user may not read every published column, or where a row is.
        surplus: columns that this user may read although they are not published, as `table.column`.
        is_superuser: whether this user is one.
        filtered: published tables of which row level security hides rows from this user.
        unowned: published tables that this user does not own: a publication can be made only of one's own.
        may_create: this user may create a publication.
        slots, senders: how many are in use.
        our_slot: whether our slot is among them: then nothing more is needed.
        tables: those that are to be published.
        encoding: of that database.
    """

    is_standby: bool
    may_replicate: bool
    read_only: bool
    may_create: bool
    unreadable: Sequence[str]
    filtered: Sequence[str]
    unowned: Sequence[str]
    slots: int
    senders: int
    our_slot: bool
    standbys: int
    publication: Publication | None
    publication_owner: bool
    tables: Mapping[str, ReplicaIdentity] = field(default_factory=dict)
    encoding: str = "UTF8"
    surplus: Sequence[str] = ()
    is_superuser: bool = False


@dataclass(frozen=True)
class Warehouse(Server):
    """The warehouse's server.

    Attributes:
        workers: logical replication workers that run.
        origins: replication origins in use.
        ours: whether our subscription is among them.
        may_subscribe: this user may make a subscription.
        has_begun: replication was set up before.
        encoding: of that database.
    """

    workers: int
    origins: int
    ours: bool
    may_subscribe: bool
    has_begun: bool = False
    encoding: str = "UTF8"


_SOURCE_SETTINGS = [
    "wal_level",
    "max_replication_slots",
    "max_wal_senders",
    "max_slot_wal_keep_size",
    "idle_replication_slot_timeout",
    "logical_decoding_work_mem",
    "synchronized_standby_slots",
    "wal_sender_timeout",
]
_WAREHOUSE_SETTINGS = [
    "track_commit_timestamp",
    "max_logical_replication_workers",
    "max_worker_processes",
    "max_active_replication_origins",
    "max_replication_slots",
]


_SERVER = """
select
    current_user,
    pg_is_in_recovery(),
    -- Our own sessions only read, so the value of the role and the server counts.
    (select reset_val::bool from pg_settings where name = 'default_transaction_read_only'),
    exists (select from pg_roles where rolname = current_user and (rolreplication or rolsuper))
    -- On Azure and Amazon the right comes with a role of the provider's, not with the attribute.
    or exists (select from pg_roles where rolname = 'rds_replication' and pg_has_role(current_user, oid, 'member')),
    has_database_privilege(current_database(), 'create'),
    (select count(*) from pg_replication_slots),
    (select count(*) from pg_stat_replication),
    exists (select from pg_replication_slots where slot_name = %(slot)s),
    (select count(*) from pg_replication_slots where slot_type = 'physical'),
    exists (select from pg_publication where pubname = %(name)s and pg_has_role(current_user, pubowner, 'member')),
    current_setting('server_encoding'),
    (select rolsuper from pg_roles where rolname = current_user)
"""


def read_source(
    source: psycopg.Connection, schema: str, wanted: Mapping[str, Sequence[str]], name: str, slot: str | None
) -> Source:
    """The facts of the operational database.

    Args:
        wanted: what is to be published: tables with their columns.
        name: of the publication.
        slot: the name of our slot, when there is an epoch.
    """
    version = source.info.server_version
    row = one(source, _SERVER, {"slot": slot, "name": name})
    return Source(
        version=version,
        role=row[0],
        settings=_settings(source, _SOURCE_SETTINGS),
        is_standby=row[1],
        read_only=row[2],
        may_replicate=row[3],
        may_create=row[4],
        unreadable=_tables_where(
            source, schema, {table: [*columns, *SYSTEM_COLUMNS] for table, columns in wanted.items()}, _UNREADABLE
        ),
        filtered=_tables_where(source, schema, wanted, _ROWS_HIDDEN),
        unowned=_tables_where(source, schema, wanted, _UNOWNED),
        slots=row[5],
        senders=row[6],
        our_slot=row[7],
        standbys=row[8],
        # Column lists came with 15; before it the catalogs do not even have the columns.
        publication=publication.read(source, name, schema) if version >= OLDEST * 10_000 else None,
        publication_owner=row[9],
        tables={table: found for table, found in identity.read(source, schema).items() if table in wanted},
        encoding=row[10],
        surplus=_tables_where(source, schema, wanted, _SURPLUS),
        is_superuser=row[11],
    )


_UNREADABLE = """
select distinct t from unnest(%(tables)s::text[], %(columns)s::text[]) as x (t, c)
join pg_attribute as a on a.attrelid = to_regclass(format('%%I.%%I', %(schema)s::text, t)) and a.attname = c
where not has_column_privilege(a.attrelid, a.attnum, 'select') order by 1
"""
_SURPLUS = """
select c.relname || '.' || a.attname from pg_attribute as a
join pg_class as c on c.oid = a.attrelid and c.relkind in ('r', 'p')
join pg_namespace as n on n.oid = c.relnamespace and n.nspname = %(schema)s
where a.attnum > 0 and not a.attisdropped and has_column_privilege(a.attrelid, a.attnum, 'select')
    and not exists (
        select from unnest(%(tables)s::text[], %(columns)s::text[]) as x (t, column_name)
        where t = c.relname and column_name = a.attname
    )
order by 1
"""
_ROWS_HIDDEN = """
select distinct t from unnest(%(tables)s::text[]) as x (t)
where row_security_active(to_regclass(format('%%I.%%I', %(schema)s::text, t))) order by 1
"""
_UNOWNED = """
select distinct t from unnest(%(tables)s::text[]) as x (t)
join pg_class as c on c.oid = to_regclass(format('%%I.%%I', %(schema)s::text, t))
where not pg_has_role(current_user, c.relowner, 'member') order by 1
"""


def _tables_where(
    source: psycopg.Connection, schema: str, wanted: Mapping[str, Sequence[str]], query: LiteralString
) -> list[str]:
    pairs = [(table, column) for table, columns in wanted.items() for column in columns]
    values = {
        "tables": [table for table, _ in pairs],
        "columns": [column for _, column in pairs],
        "schema": schema,
    }
    return [row[0] for row in source.execute(query, values)]


_WAREHOUSE = """
select
    current_user,
    (select count(*) from pg_stat_subscription where pid is not null),
    (select count(*) from pg_replication_origin),
    exists (select from pg_roles where rolname = current_user and rolsuper)
    or exists (
        select from pg_roles where rolname = 'pg_create_subscription' and pg_has_role(current_user, oid, 'member')
    ),
    current_setting('server_encoding')
"""


def read_warehouse(warehouse: psycopg.Connection, name: str, *, has_begun: bool = False) -> Warehouse:
    """The facts of the warehouse's server.

    Args:
        name: of the subscription.
        has_begun: replication was set up before.
    """
    role, workers, origins, may_subscribe, encoding = one(warehouse, _WAREHOUSE)
    ours = subscriptions.read(warehouse, name, "1") is not None
    return Warehouse(
        version=warehouse.info.server_version,
        role=role,
        settings=_settings(warehouse, _WAREHOUSE_SETTINGS),
        workers=workers,
        origins=origins,
        ours=ours,
        may_subscribe=may_subscribe,
        has_begun=has_begun,
        encoding=encoding,
    )


def _settings(connection: psycopg.Connection, names: Sequence[str]) -> dict[str, str]:
    rows = connection.execute("select name, setting from pg_settings where name = any(%s)", (list(names),)).fetchall()
    return dict(rows)


@dataclass(frozen=True)
class Facts:
    """All that the rules go by.

    Attributes:
        wanted: what is to be published: tables with their columns.
        budget_bytes: of WAL that the source may have to keep for us.
        classes: of every column that is classified, as `table.column`.
        is_sandbox: the source is the embedded, synthetic one.
    """

    source: Source
    warehouse: Warehouse
    wanted: Mapping[str, Sequence[str]]
    budget_bytes: int
    classes: Mapping[str, str] = field(default_factory=dict)
    is_sandbox: bool = False
