"""The source's own record of every version of every row, and the same as the warehouse tells it.

Triggers at the source write each change into `drill.journal`, in the transaction that makes it: what rolls back is not
there, and a commit whose outcome nobody saw is there exactly when it happened. With PostgreSQL's commit times that is
every version that the history has to tell, to the microsecond. It shares no code with the product.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

_SCHEMA = """
create schema drill;
create table drill.journal (
    seq bigint generated always as identity,
    xid xid8 not null default pg_current_xact_id(),
    relation text not null,
    operation "char" not null,
    old jsonb,
    new jsonb
);
create function drill.note() returns trigger language plpgsql as $$
begin
    if tg_op = 'TRUNCATE' then
        execute format(
            'insert into drill.journal (relation, operation, old) select %L, ''T'', to_jsonb(r) from %I.%I as r',
            tg_table_name, tg_table_schema, tg_table_name
        );
    else
        insert into drill.journal (relation, operation, old, new) values (
            tg_table_name, left(tg_op, 1)::"char",
            case when tg_op <> 'INSERT' then to_jsonb(old) end, case when tg_op <> 'DELETE' then to_jsonb(new) end
        );
    end if;
    return null;
end $$;
"""

# A row without what is not compared and without nulls: a column that came later is null in earlier versions. The second
# way is for columns that had another name when the row was noted, and slower.
_CONTENT = "jsonb_strip_nulls({row} - %(others)s::text[])"
_RENAMED_CONTENT = """jsonb_strip_nulls((
    select coalesce(jsonb_object_agg(coalesce(%(renamed)s ->> key, key), value), '{{}}') from jsonb_each({row})
) - %(others)s::text[])"""


@dataclass(frozen=True)
class Version:
    """A version of a row: its key and a digest of its published columns, when it began and ended, and by what.

    Attributes:
        operation: I or U; C when the first copy brought it.
        known_to, ended_by: None for the current one.
        after: for a version whose beginning is only known as an interval, the time after which it lies.
        ended_after: the same of its end.
    """

    relation: str
    key: str
    content: str
    known_from: datetime
    operation: str
    known_to: datetime | None
    ended_by: str | None
    after: datetime | None = None
    ended_after: datetime | None = None


def install(source: psycopg.Connection, tables: Iterable[str]) -> None:
    """Make the journal, and have every later change of these tables noted."""
    source.execute(_SCHEMA.encode())
    for table in tables:
        note(source, table)


def note(source: psycopg.Connection, table: str) -> None:
    """Have every later change of a table noted."""
    for trigger, moment, each in (
        ("zz_note", "after insert or update or delete", "row"),
        ("zz_note_truncate", "before truncate", "statement"),
    ):
        source.execute(
            sql.SQL("create trigger {} {} on {} for each {} execute function drill.note()").format(
                sql.Identifier(trigger), sql.SQL(moment), sql.Identifier("public", table), sql.SQL(each)
            )
        )


def keys(source: psycopg.Connection, table: str) -> list[str]:
    """The primary key's columns, in its order."""
    rows = source.execute(
        "select a.attname from pg_index as i join pg_attribute as a"
        " on a.attrelid = i.indrelid and a.attnum = any (i.indkey)"
        " where i.indisprimary and i.indrelid = to_regclass(format('public.%%I', %s::text))"
        " order by array_position(i.indkey::int2[], a.attnum)",
        (table,),
    ).fetchall()
    return [row[0] for row in rows]


def expected(
    source: psycopg.Connection, table: str, columns: list[str], renamed: Mapping[str, str] | None = None
) -> list[Version]:
    """Every version that there ever was of a table's rows, by the journal.

    Args:
        columns: those to compare.
        renamed: columns that have another name now than when they were noted.
    """
    noted = source.execute(
        "select distinct key from drill.journal, jsonb_object_keys(coalesce(new, old)) as key where relation = %s"
        " and seq in (select unnest(array[min(seq), max(seq)]) from drill.journal where relation = %s)",
        (table, table),
    ).fetchall()
    names = {(renamed or {}).get(name, name) for (name,) in noted}
    parameters = {
        "table": table,
        "others": sorted(names - set(columns)),
        "keys": keys(source, table),
        "renamed": Jsonb(dict(renamed or {})),
    }
    content = _RENAMED_CONTENT if renamed else _CONTENT
    row = {side: content.format(row=side) for side in ("old", "new")}
    query = f"""
        with noted as (
            select seq, pg_xact_commit_timestamp(xid::xid) as at, operation::text as operation,
                {row["old"]} as was, {row["new"]} as became, old is not null as had, new is not null as has
            from drill.journal where relation = %(table)s
        ),
        changed as (
            -- An update of what is not published is no version.
            select * from noted where not (had and has and was = became)
        ),
        steps as (
            select seq * 2 as step, at, operation, was as content, false as begins from changed where had
            union all
            select seq * 2 + 1, at, operation, became, true from changed where has
        ),
        keyed as (
            select *, (select jsonb_agg(content -> name) from unnest(%(keys)s::text[]) as name)::text as key from steps
        ),
        paired as (
            select *, lead(at) over w as ended_at, lead(operation) over w as ended_by,
                lead(begins) over w as next_begins
            from keyed window w as (partition by key order by step)
        )
        select key, md5(content::text), at, operation, ended_at, ended_by, next_begins from paired where begins
        order by at, step
    """
    versions = []
    for key, content, at, operation, ended_at, ended_by, next_begins in source.execute(query.encode(), parameters):
        assert at is not None, "the source keeps no commit times"
        assert not next_begins, f"the journal itself has two versions of {table} {key} at once"
        versions.append(Version(table, key, content, at, operation, ended_at, ended_by))
    return versions


def told(
    warehouse: psycopg.Connection, table: str, columns: list[str], key: list[str], *, some_columns: bool = False
) -> list[Version]:
    """Every version that the warehouse tells of a table.

    Args:
        columns: those to compare.
        some_columns: there are others, which change by themselves.
    """
    seen = warehouse.execute(
        "select attname from pg_attribute"
        " where attnum > 0 and attrelid = to_regclass(format('versions.%%I', %s::text))",
        (table,),
    ).fetchall()
    # What the view says besides the source's columns may have the name of one of them, so it gets names of its own.
    query = f"""
        with told as (
            select v.known_from as f, v.operation::text as o, v.known_to as t, v.ended_by::text as e,
                v.began_after as ba, v.ended_after as ea, v.from_xid as fx, {_CONTENT.format(row="to_jsonb(v)")} as c
            from versions.{table} as v
        )
        select (select jsonb_agg(c -> name) from unnest(%(keys)s::text[]) as name)::text, md5(c::text),
            f, o, t, e, ba, ea, fx in (select xid from ledger.transactions where kind = 'backfill')
        from told
    """
    others = sorted({name for (name,) in seen} - set(columns))
    rows = warehouse.execute(query.encode(), {"others": others, "keys": key}).fetchall()
    filled = {Version(table, *row[:-1]) for row in rows if row[-1]}
    return _joined([Version(table, *row[:-1]) for row in rows], filled, all_of_them=some_columns)


def _joined(versions: list[Version], filled: set[Version], *, all_of_them: bool) -> list[Version]:
    """Undo the back-fill of a column: a version that differs from the one before in that alone goes on with it.

    Args:
        filled: the versions that back-fills began.
        all_of_them: columns are left out that changed by themselves, so join whatever looks the same.
    """
    joined: list[Version] = []
    last: dict[str, int] = {}
    for one in sorted(versions, key=lambda version: (version.known_from, version.known_to or _FOREVER)):
        before = joined[last[one.key]] if one.key in last else None
        if (
            before is not None
            and (all_of_them or one in filled)
            and (before.content, before.known_to, before.ended_by) == (one.content, one.known_from, "U")
        ):
            ended = replace(before, known_to=one.known_to, ended_by=one.ended_by, ended_after=one.ended_after)
            joined[last[one.key]] = ended
            continue
        last[one.key] = len(joined)
        joined.append(one)
    return joined


@dataclass(frozen=True)
class Copied:
    """The first copy: the moment that it shows, and when all of it was there."""

    at: datetime
    until: datetime

    def cannot_know(self, version: Version) -> bool:
        """Whether a version was over before the copy could see it.

        Emptying a table takes its rows from under every snapshot, so until the copy is complete it hides them, too.
        """
        if version.known_to is None or version.known_from > self.at:
            return False
        return version.known_to <= (self.until if version.ended_by == "T" else self.at)


def differences(wanted: Iterable[Version], got: Iterable[Version], copied: Copied | None = None) -> list[str]:
    """What is missing, and what is there twice or never was. Without values: a key and times are enough to look.

    Args:
        copied: what the first copy brought began by then.
    """
    left = Counter(got)
    by_end: dict[tuple[str, str, str, datetime | None, str | None], list[Version]] = defaultdict(list)
    for version in left:
        if version.operation == "C":
            by_end[(version.relation, version.key, version.content, version.known_to, version.ended_by)].append(version)
    found = []
    for version in wanted:
        if left[version] > 0:
            left[version] -= 1
            continue
        if copied is not None and version.known_from <= copied.at:
            same = by_end[(version.relation, version.key, version.content, version.known_to, version.ended_by)]
            copy = next((one for one in same if left[one] > 0), None)
            if copy is not None:
                left[copy] -= 1
                continue
            if copied.cannot_know(version):
                continue
        found.append(f"missing: {version}")
    found += [f"never was, or is there twice: {version}" for version in left.elements()]
    return found


def state_at(versions: Iterable[Version], moment: datetime) -> Counter[tuple[str, str, str]]:
    """What a table held at a moment: table, key and content of each row."""
    return Counter(
        (one.relation, one.key, one.content)
        for one in versions
        if one.known_from <= moment and (one.known_to is None or one.known_to > moment)
    )


def blurred(
    wanted: Iterable[Version], gaps: Sequence[tuple[datetime, datetime, datetime]]
) -> list[tuple[datetime, datetime]]:
    """Between which moments a table's states are not known one by one.

    Args:
        gaps: from when, up to which snapshot, and when that was written. A table that was emptied in between had lost
            its rows before the snapshot was read.
    """
    emptied = [one.known_to for one in wanted if one.ended_by == "T" and one.known_to is not None]
    return [
        (low, repaired if any(high < moment <= repaired for moment in emptied) else high)
        for low, high, repaired in gaps
    ]


def states_differ(
    wanted: list[Version], got: list[Version], gaps: Sequence[tuple[datetime, datetime]], copied: Copied | None
) -> list[str]:
    """The moments outside of gaps at which the warehouse tells another state than the source had.

    Every moment at which anything changed is asked for, and the one just before it.
    """
    changes = {moment for one in (*wanted, *got) for moment in (one.known_from, one.known_to) if moment is not None}
    moments = sorted(changes | {moment - _TICK for moment in changes})
    begin = copied.until if copied else moments[0]
    outside = [
        moment
        for moment in moments
        # Commit times of two sessions may be a little out of the order in which they were written.
        if moment >= begin and not any(low - _OUT_OF_ORDER <= moment <= high for low, high in gaps)
    ]
    assert any(moment < gaps[0][0] for moment in outside) and any(moment > gaps[-1][1] for moment in outside)
    return [
        f"{moment}: {len(there - here)} rows of the source are not told, {len(here - there)} were never there"
        for moment in outside
        if (there := state_at(wanted, moment)) != (here := state_at(got, moment))
    ]


_FOREVER = datetime.max.replace(tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_OUT_OF_ORDER = timedelta(milliseconds=100)
