"""Every column that an analyst can see says its class in its comment.

Those of marts and extracts, of the steps between, of seeds, of the replica and of the versions of its rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

import psycopg
from psycopg import sql

from warehouse.core.classes import Classes
from warehouse.core.lineage.check import Judge, by_reason
from warehouse.core.lineage.flows import Origin
from warehouse.core.lineage.project import Lineage, Related
from warehouse.core.roles.relations import MARTS, NARROW
from warehouse.marts.structure import CLASS

VERSIONS: Final = "versions"
_OF_SOURCES: Final = {"trs": "public", "trs_versions": VERSIONS}

LOCK_SECONDS: Final = 5

OF_VERSIONS: Final = {
    "known_from": "When the source committed this version of the row.",
    "known_to": "When the source committed its end; null while it is the current one.",
    "operation": "What began it: C the first copy, I an insert, U an update.",
    "ended_by": "What ended it: U an update, D a delete, T a truncate; null while it is current.",
    "from_xid": "The warehouse's transaction that began it.",
    "to_xid": "The warehouse's transaction that ended it.",
    "began_after": "Found after a gap: it began at some time after this. Null where the time is exact.",
    "ended_after": "Found after a gap: it ended at some time after this. Null where the time is exact.",
    "epoch_id": "The life of the slot in which it was seen: ledger.epochs.",
}

_COLUMNS = """
select n.nspname, c.relname, a.attname, d.description
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_description as d on d.classoid = 'pg_class'::regclass and d.objoid = c.oid and d.objsubid = a.attnum
where n.nspname = any(%s) and c.relkind in ('r', 'p', 'v', 'm') and pg_has_role(c.relowner, 'usage')
"""


@dataclass(frozen=True)
class _Known:
    """What is known of a column.

    Attributes:
        is_described: the build itself comments on it; otherwise a comment without a class is somebody else's.
        meaning: what it means, where no model says so.
    """

    classification: str
    is_described: bool
    meaning: str


def write(connection: psycopg.Connection, lineage: Lineage, today: date) -> int:
    """Say the class of each column that the lineage knows; what somebody else wrote on one stays.

    Returns:
        How many comments changed; none while another session holds a lock on a table. The next build writes them then.
    """
    judge = Judge(lineage, Classes(), by_reason(today))
    known = {
        (*place, name): _Known(
            judge.least(Origin(relation.place, name)),
            relation.kind == "seed" or bool(column.terms),
            OF_VERSIONS.get(name, "") if place[0] == VERSIONS else "",
        )
        for relation in lineage.relations
        for place in _places(relation)
        for name, column in relation.columns.items()
    }
    standing = connection.execute(_COLUMNS, (sorted({schema for schema, *_ in known}),)).fetchall()
    changes = list(_changes(known, standing))
    if not changes:
        return 0
    try:
        with connection.transaction():
            connection.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(f"{LOCK_SECONDS}s")))
            connection.execute(sql.SQL("; ").join(changes))
    except psycopg.errors.LockNotAvailable:
        return 0
    return len(changes)


def _places(relation: Related) -> list[tuple[str, str]]:
    """Where it is in the database; nowhere for a source that is not the replica's."""
    schema, _, name = relation.place.partition(".")
    if relation.kind == "source":
        return [(place, name) for source, place in _OF_SOURCES.items() if source == schema]
    narrow = [(one, name) for one in NARROW] if schema == MARTS else []
    return [(schema, name), *narrow]


def _changes(
    known: dict[tuple[str, str, str], _Known], standing: Iterable[tuple[str, str, str, str | None]]
) -> Iterator[sql.Composed]:
    for schema, relation, column, comment in standing:
        one = known.get((schema, relation, column))
        if one is None:
            continue
        words, marked, _ = (comment or "").rpartition(CLASS)
        if comment and not marked and not one.is_described:
            continue
        said = (words if marked else comment or one.meaning).strip()
        text = f"{said} {CLASS}{one.classification}.".strip()
        if text != comment:
            target = sql.Identifier(schema, relation, column)
            yield sql.SQL("comment on column {} is {}").format(target, sql.Literal(text))
