"""What a scan reads: every column that can hold text, of the replica, the logs and the settled history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from warehouse.replicate.catalog.names import HISTORY, KNOWN_FROM
from warehouse.replicate.history.tables import logged
from warehouse.replicate.secrets.forms import SUSPICIOUS

_COLUMNS = """
select a.attname, t.typname in ('json', 'jsonb')
from pg_attribute as a
join pg_type as t on t.oid = a.atttypid
left join pg_type as e on e.oid = t.typelem and t.typcategory = 'A'
where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped
    and (t.typcategory in ('S', 'U') or e.typcategory in ('S', 'U'))
    and coalesce(e.typname, t.typname) not in ('uuid', 'bytea', 'xid8')
order by a.attnum
"""

_SUSPICIOUS = """
select {columns} from {relation} as t where {since} concat_ws(E'\\n', {columns}) ~* {pattern}
"""


@dataclass(frozen=True)
class Relation:
    """One of the three relations in which a table's rows are.

    Attributes:
        place: `replica`, `log` or `history`.
        names: its columns that can hold text.
        json: those of them that hold JSON.
    """

    table: str
    place: str
    schema: str
    name: str
    names: tuple[str, ...]
    json: frozenset[str]

    def suspicious(self, since: int | None) -> sql.Composed:
        """The query for rows that are worth a closer look: the columns as text.

        Args:
            since: only versions that began with a transaction (xid8) from this one on.
        """
        prefix = "(t.version)." if self.place == "log" else "t."
        began = "from_xid" if self.place == "history" else KNOWN_FROM
        columns = sql.SQL(", ").join(sql.SQL(prefix + "{}::text").format(sql.Identifier(name)) for name in self.names)
        later = sql.SQL(prefix + "{} >= {}::xid8 and").format(sql.Identifier(began), sql.Literal(str(since)))
        return sql.SQL(_SUSPICIOUS).format(
            columns=columns,
            relation=sql.Identifier(self.schema, self.name),
            since=later if since is not None else sql.SQL(""),
            pattern=sql.Literal(SUSPICIOUS),
        )


def read(warehouse: psycopg.Connection, schema: str, tables: Sequence[str]) -> list[Relation]:
    """The relations of some tables, those without a column that can hold text left out."""
    found = []
    for table in logged(warehouse, schema, tables):
        columns = warehouse.execute(_COLUMNS, (sql.Identifier(schema, table).as_string(warehouse),)).fetchall()
        names, json = tuple(name for name, _ in columns), frozenset(name for name, is_json in columns if is_json)
        if names:
            places = (("replica", schema, table), ("log", HISTORY, f"{table}_log"), ("history", HISTORY, table))
            found += [Relation(table, place, of, name, names, json) for place, of, name in places]
    return found
