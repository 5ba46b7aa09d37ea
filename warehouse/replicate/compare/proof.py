"""A proof carried forward: what was proven equal once, and was not written since, is equal still.

PostgreSQL never changes a row in place: a change is a new version, with the number of its transaction (`xmin`). When a
table was proven equal, each side records its horizon: every transaction with a smaller number had ended by then. A row
whose number is smaller was read by that proof, as it is now; a later comparison has to find it on both sides, and need
not read it. A proof no longer holds as soon as anything else could have changed what old rows show: another server or
history of it, another file of the table, another column behind a name (docs/adr/0016).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import psycopg
from psycopg import sql

from warehouse.replicate.compare.spec import Horizon, Proof, TableSpec

MOST_TRANSACTIONS = 2**30
"""Numbers of rows have 32 bits and wrap round; a horizon further back than this looks like a later one."""

_VERSION = 1
"""Of what a comparison distinguishes. A proof of another version does not hold."""


@dataclass(frozen=True)
class Look:
    """What one side shows of a table, which stays as it is until the transaction ends.

    Attributes:
        rewritten: the table was truncated or rewritten since the snapshot, which then shows it empty.
        horizon: None where a proof could not be carried forward from.
        next: no transaction that the snapshot shows has this number or a greater one.
    """

    rewritten: bool
    horizon: Horizon | None
    next: int


def server_of(connection: psycopg.Connection, *, at_source: bool) -> str | None:
    """Which server, and which history of it, answers; None where it may not be asked.

    A restore without a new timeline takes a restart, and gives numbers of transactions a second time. The warehouse's
    proofs are in the warehouse: a restore brings them back to what its rows were then.
    """
    try:
        row = connection.execute(_SOURCE if at_source else _WAREHOUSE).fetchone()
    except psycopg.errors.InsufficientPrivilege:
        return None
    return str(row[0]) if row and row[0] is not None else None


def look(connection: psycopg.Connection, spec: TableSpec, server: str | None) -> Look:
    """Look at a table inside a transaction that has its lock."""
    # Prepared: it is planned once, not for every table.
    values = {"names": [c.name for c in spec.columns], "of": [spec.schema, spec.table]}
    row = connection.execute(_LOOK, values, prepare=True).fetchone()
    assert row is not None
    rewritten, relation, fit, xmin, next_ = row
    horizon = Horizon(server, relation, int(xmin)) if fit and server is not None else None
    return Look(bool(rewritten), horizon, int(next_))


def digest(spec: TableSpec) -> str:
    """What of a table is compared, and how."""
    said = (
        _VERSION,
        spec.schema,
        spec.table,
        [(column.name, column.type) for column in spec.columns],
        spec.key,
        sorted((name, rule.digest) for name, rule in spec.json_rules.items()),
        sorted(spec.differently_typed),
        # What was left out while a changed rule was not yet followed was not compared.
        sorted(spec.cut_anew),
    )
    return hashlib.sha256(repr(said).encode()).hexdigest()


def holds(proof: Proof, spec: TableSpec, source: Look, warehouse: Look) -> bool:
    """Whether old rows of both sides are still the ones that were proven equal."""
    return proof.spec == digest(spec) and _same(proof.source, source) and _same(proof.warehouse, warehouse)


def _same(then: Horizon, now: Look) -> bool:
    return (
        now.horizon is not None
        and not now.rewritten
        and (then.server, then.relation) == (now.horizon.server, now.horizon.relation)
        and then.xmin <= now.horizon.xmin
        and now.next - then.xmin < MOST_TRANSACTIONS
    )


def is_new(since: int) -> sql.Composable:
    """The condition that a row of `t` may have come after a snapshot whose xmin (xid8) was `since`.

    Rows that were frozen keep their number. One so old that its number has come round again may be called new.
    """
    xid = sql.Literal(str(since % 2**32))
    return sql.SQL("age(t.xmin) <= (select age({}::text::xid))").format(xid)


_SOURCE = """
select case when not pg_is_in_recovery() then concat_ws(
    '/', s.system_identifier, left(pg_walfile_name(pg_current_wal_insert_lsn()), 8), d.oid,
    extract(epoch from pg_postmaster_start_time())
) end
from pg_control_system() as s, pg_database as d where d.datname = current_database()
"""

_WAREHOUSE = """
select concat_ws('/', s.system_identifier, d.oid)
from pg_control_system() as s, pg_database as d where d.datname = current_database()
"""

# Types that are not PostgreSQL's own, and those that are names of something in the catalog, can change what they show
# without a change of any row; so can an expression that is computed while reading.
_LOOK = """
with root as (select to_regclass(format('%%I.%%I', variadic %(of)s::text[]))::oid as oid),

parts as (
    select oid from root
    union
    select p.relid::oid from root cross join lateral pg_partition_tree(root.oid) as p
)

select
    -- The first is as the snapshot shows it, the second as it is now.
    count(c.oid) < count(*) or bool_or(nullif(c.relfilenode, 0) is distinct from pg_relation_filenode(c.oid)),
    md5(string_agg(concat_ws(':', c.oid, pg_relation_filenode(c.oid), a.columns), ',' order by c.oid)),
    bool_and((c.relkind = 'p' or (c.relkind = 'r' and m.amname = 'heap' and not c.relhassubclass)) and a.fit),
    pg_snapshot_xmin(pg_current_snapshot())::text,
    pg_snapshot_xmax(pg_current_snapshot())::text
from parts
left join pg_class as c on c.oid = parts.oid
left join pg_am as m on m.oid = c.relam
left join lateral (
    select
        string_agg(concat_ws(' ', a.attname, a.attnum, a.atttypid, a.atttypmod), ',' order by a.attnum) as columns,
        bool_and(
            a.atttypid < 16384 and a.attgenerated in ('', 's')
            and format_type(a.atttypid, null) !~ '^(reg|aclitem)'
        ) as fit
    from pg_attribute as a where a.attrelid = c.oid and a.attname = any(%(names)s)
) as a on true
"""
