"""Tables that somebody saved for themselves before a rule changed: nothing of ours rewrites them, so they are named.

What `warehouse replicate apply` cuts out of replica, history, marts and files may live on in a table of an analyst's,
and a column of a higher class in one that readers of the lower class still see. Values are not compared: they are gone.
The catalog tells which tables have a column of that name, or of a mart's that was made of it, and since when.
"""

from __future__ import annotations

from typing import NamedTuple

import psycopg

from warehouse.core.database import one
from warehouse.core.finding import Finding, warning
from warehouse.core.lineage.reached import columns_made_of
from warehouse.core.roles.relations import ANALYSTS
from warehouse.erase.relations import BUILT_ASIDE

CODE = "copies of analysts"

_CHANGED = """
select distinct on (table_name, column_name)
    table_name, column_name, followed_at, rewritten_at is not null, was ->> 'class', is_now ->> 'class'
from ledger.rule_changes where table_name <> '' order by table_name, column_name, change_id desc
"""
"""The last change of each line: what is allowed again is nobody's concern."""

_LINEAGE = """
select lineage from ledger.builds where lineage is not null order by build_id desc limit 1
"""

_COPIES = """
select n.nspname, c.relname, pg_get_userbyid(c.relowner), string_agg(distinct a.attname, ', ' order by a.attname)
from unnest(%(tables)s::text[], %(columns)s::text[], %(times)s::timestamptz[]) as r (table_name, column_name, at)
join pg_attribute as a on a.attnum > 0 and not a.attisdropped
join pg_class as c on c.oid = a.attrelid
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'm') and not c.relispartition and c.relpersistence <> 't'
    and case when r.column_name = '' then c.relname = r.table_name else a.attname = r.column_name end
    -- When the column was made; null when that is so long ago that the server has forgotten it.
    and coalesce(pg_xact_commit_timestamp(a.xmin), '-infinity') < r.at
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname !~ %(aside)s
    and not exists (select from ledger.published_relations as p where p.relation_oid = c.oid)
    and not exists (
        select from ledger.made_here as m
        where (m.kind, m.object_oid) = ('table', c.oid)
            or (m.kind in ('schema', 'vintage') and m.object_oid = n.oid and n.nspname <> %(analysts)s)
    )
group by 1, 2, 3
order by 1, 2
"""

_HAS_TIMES = "select current_setting('track_commit_timestamp') = 'on'"

_ORDER = ("open", "personal", "sensitive", "secret")


class Copy(NamedTuple):
    """A table of somebody's own.

    Attributes:
        columns: those that may hold what a rule does not allow any more, or shows to fewer readers.
    """

    schema: str
    table: str
    owner: str
    columns: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.table} of {self.owner} ({self.columns})"


def found(warehouse: psycopg.Connection) -> list[Copy]:
    """The tables of others that were made before a rule was followed, with columns that it concerns."""
    changed = {
        (table, column): followed
        for table, column, followed, is_cut, was, is_now in warehouse.execute(_CHANGED).fetchall()
        if followed is not None and (is_cut or _is_raised(was, is_now))
    }
    row = warehouse.execute(_LINEAGE).fetchone() if changed else None
    lineage = row[0] if row else {"relations": []}
    wanted = {(table, column, followed) for (table, column), followed in changed.items()}
    for (table, column), followed in changed.items():
        if column:
            wanted |= {(table, name, followed) for _, name in columns_made_of(lineage, (table, column))}
    # Without the times nobody can say what is older.
    if not wanted or not one(warehouse, _HAS_TIMES)[0]:
        return []
    tables, columns, times = (list(values) for values in zip(*wanted, strict=True))
    aside = "^(" + "|".join(BUILT_ASIDE) + ")"
    values = {"tables": tables, "columns": columns, "times": times, "aside": aside, "analysts": ANALYSTS}
    return [Copy(*row) for row in warehouse.execute(_COPIES, values).fetchall()]


def to_do(warehouse: psycopg.Connection) -> list[str]:
    """What a person has to do about them, a line each."""
    return [
        f"ask the owner of {copy} to drop it or make it again: it is older than a rule that changed"
        for copy in found(warehouse)
    ]


def examined(warehouse: psycopg.Connection) -> list[Finding]:
    """The same for `warehouse doctor`; nothing where there are none."""
    copies = found(warehouse)
    if not copies:
        return []
    named = "; ".join(map(str, copies[:5])) + (f"; and {len(copies) - 5} more" if len(copies) > 5 else "")
    return [
        warning(
            CODE,
            f"{named}: made before a rule of replication/trs.yml changed. They may hold what it does not allow any "
            "more, or show it to too many.",
            "Ask their owners to drop them or make them again. Nothing of the warehouse changes a table of theirs.",
        )
    ]


def _is_raised(was: str | None, is_now: str | None) -> bool:
    return was in _ORDER and is_now in _ORDER and _ORDER.index(was) < _ORDER.index(is_now)
