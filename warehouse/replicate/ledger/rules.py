"""ledger.rules and ledger.rule_changes: what replication/trs.yml said, what is cut out of values, and its edits."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row

from warehouse.core.errors import ClassificationError

Place = tuple[str, str]
"""A table and a column of it; an empty column for what is said of the table, both empty for the file."""

FILE: Place = ("", "")

_SHORT = ("class", "replicate", "keep_years", "keep_days", "schema", "source")
"""Keys whose values are shown in a message; of the others it says that they changed."""


@dataclass(frozen=True)
class Rule:
    """A row of ledger.rules; the table's comment says what its columns mean."""

    table_name: str
    column_name: str
    line: dict[str, Any] | None
    cut: str | None
    is_mixed: bool


Rules = Mapping[Place, Rule]

_READ = "select table_name, column_name, line, cut, is_mixed from ledger.rules"

_FILE_LINE = "select line from ledger.rules where table_name = '' and column_name = '' and line is not null"

_UNFINISHED = """
select distinct table_name, column_name from ledger.rule_changes where rewritten_at is not null and followed_at is null
"""

_BEGUN = """
select change_id, table_name, column_name from ledger.rule_changes
where rewritten_at is not null and followed_at is null order by change_id
"""

_DONE = "update ledger.rule_changes set followed_at = clock_timestamp() where change_id = any(%s)"

_LINE = """
insert into ledger.rules (table_name, column_name, line) values (%s, %s, %s)
on conflict (table_name, column_name) do update set line = excluded.line
"""

_CHANGE = """
insert into ledger.rule_changes (table_name, column_name, was, is_now, file_sha256) values (%s, %s, %s, %s, %s)
"""

_MADE = """
insert into ledger.rules as r (table_name, column_name, cut)
select %(table)s, c.name, c.cut from unnest(%(columns)s::text[], %(cut)s::text[]) as c (name, cut)
on conflict (table_name, column_name) do update
set cut = coalesce(r.cut, excluded.cut), is_mixed = r.is_mixed or coalesce(r.cut, excluded.cut) <> excluded.cut
"""

_STORED = """
insert into ledger.rules (table_name, column_name, cut) values (%s, %s, %s)
on conflict (table_name, column_name) do update set cut = excluded.cut, is_mixed = false
"""

_REWRITTEN = """
with newest as (
    select max(change_id) as change_id from ledger.rule_changes
    where table_name = %(table)s and column_name = %(column)s and followed_at is null and rewritten_at is null
)

update ledger.rule_changes as c
set rewritten_at = clock_timestamp(), rows_rewritten = %(rows)s, versions_rewritten = %(versions)s
from newest as n where c.change_id = n.change_id
"""

_REWRITTEN_UNNOTICED = """
insert into ledger.rule_changes (
    table_name, column_name, file_sha256, rewritten_at, rows_rewritten, versions_rewritten
)
values (%(table)s, %(column)s, %(file)s, clock_timestamp(), %(rows)s, %(versions)s)
"""

_FOLLOWED = """
update ledger.rule_changes set followed_at = clock_timestamp()
where followed_at is null and rewritten_at is null and table_name || '.' || column_name <> all(%s)
"""


def read(connection: psycopg.Connection) -> Rules:
    """Every rule there is."""
    with connection.cursor(row_factory=class_row(Rule)) as cursor:
        rows = cursor.execute(_READ).fetchall()
    return {(row.table_name, row.column_name): row for row in rows}


def refuse_another_place(connection: psycopg.Connection, source: str, schema: str) -> None:
    """Stop where the file names another source or schema than the one that is replicated.

    Raises:
        ClassificationError: it does; everything would look dropped.
    """
    row = connection.execute(_FILE_LINE).fetchone()
    said = (row[0]["source"], row[0]["schema"]) if row else (source, schema)
    if said != (source, schema):
        raise ClassificationError(
            f"replication/trs.yml names the source {source} and its schema {schema}; this warehouse replicates "
            f"{said[0]}, schema {said[1]}.",
            meaning="Nothing was done: everything that is replicated would look as if the source had dropped it.",
            next_command="Take the edit back. To replicate another schema into this warehouse, drop what it has first "
            "(warehouse replicate reset --yes, which drops the history), then edit the file.",
        )


def unfinished(connection: psycopg.Connection) -> frozenset[Place]:
    """Where values were cut out of replica and history, and marts and delivered files have not been seen to."""
    return frozenset((table, column) for table, column in connection.execute(_UNFINISHED).fetchall())


def begun(connection: psycopg.Connection) -> dict[int, Place]:
    """The changes of unfinished(), each by its number."""
    return {number: (table, column) for number, table, column in connection.execute(_BEGUN).fetchall()}


def finish(connection: psycopg.Connection, changes: Iterable[int]) -> None:
    """Record that marts and delivered files have been seen to."""
    connection.execute(_DONE, (list(changes),))


def is_followed(known: Rules, place: Place, wanted: str) -> bool:
    """Whether a column's values are cut as a digest of lines.cut() says."""
    rule = known.get(place)
    if rule is None or rule.cut is None:
        return not wanted
    return rule.cut == wanted and not rule.is_mixed


def edited(known: Rules, now: Mapping[Place, Mapping[str, Any]]) -> dict[Place, str]:
    """The lines that say something else than at the last run, each with what changed. None before the first run."""
    if FILE not in known or known[FILE].line is None:
        return {}
    before = {place: rule.line for place, rule in known.items() if rule.line is not None}
    places = dict.fromkeys([*before, *now])
    return {
        place: described(before.get(place), now.get(place)) for place in places if before.get(place) != now.get(place)
    }


def notice(connection: psycopg.Connection, now: Mapping[Place, dict[str, Any]], version: str) -> list[str]:
    """Write down which lines say something else than at the last run; returns a line for each.

    Args:
        now: of lines.lines().
        version: of the file.
    """
    with connection.transaction():
        known = read(connection)
        changed = edited(known, now)
        is_first = FILE not in known or known[FILE].line is None
        for place in now if is_first else changed:
            connection.execute(_LINE, (*place, _json(now.get(place))))
        for place in changed:
            was = known[place].line if place in known else None
            connection.execute(_CHANGE, (*place, _json(was), _json(now.get(place)), version))
    return [f"replication/trs.yml, {named(place)}: {what}" for place, what in changed.items()]


def made(connection: psycopg.Connection, table: str, cut: Mapping[str, str]) -> None:
    """Record that columns' values come in by a rule from now on; those with values of another one are mixed now.

    Args:
        cut: of lines.cut(), for the columns that the replica has.
    """
    connection.execute(_MADE, {"table": table, "columns": list(cut), "cut": list(cut.values())})


def stored(connection: psycopg.Connection, table: str, cut: Mapping[str, str]) -> None:
    """Record that every value of columns in the warehouse is as a rule says."""
    for column, digest in cut.items():
        connection.execute(_STORED, (table, column, digest))


def rewritten(
    connection: psycopg.Connection, table: str, columns: Iterable[str], rows: int, versions: int, version: str
) -> None:
    """Record that replica, log and history of a table have only what is allowed; in the transaction that did it.

    Args:
        columns: whose rule changed; an empty name for the table's own.
        rows: of the replica from which something was cut; `versions`: of log and history.
        version: of the file.
    """
    for column in columns:
        values = {"table": table, "column": column, "rows": rows, "versions": versions, "file": version}
        if not connection.execute(_REWRITTEN, values).rowcount:
            connection.execute(_REWRITTEN_UNNOTICED, values)


def settle(connection: psycopg.Connection, waiting: Collection[Place]) -> None:
    """Record as followed what waits for nothing any more, and needed no rewriting."""
    connection.execute(_FOLLOWED, ([f"{table}.{column}" for table, column in waiting],))


def _json(line: Mapping[str, Any] | None) -> str | None:
    return None if line is None else json.dumps(line)


def described(was: Mapping[str, Any] | None, is_now: Mapping[str, Any] | None) -> str:
    """What changed between two readings of a line, in a few words."""
    if was is None:
        return "its line is new"
    if is_now is None:
        return "its line was taken out"
    changed = []
    for key in dict.fromkeys([*was, *is_now]):
        before, after = was.get(key), is_now.get(key)
        if before == after:
            continue
        if key in _SHORT:
            changed.append(f"{key} {_shown(before)} → {_shown(after)}")
        else:
            changed.append(
                f"{key} " + ("was added" if before is None else "was taken out" if after is None else "changed")
            )
    return ", ".join(changed)


def named(place: Place) -> str:
    """A place as messages name it."""
    return ".".join(part for part in place if part) or "the file"


def _shown(value: Any) -> str:
    return "unsaid" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
