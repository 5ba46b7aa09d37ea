"""What the source's names mean: which table, and which column of it, each name belongs to.

The stream brings values by name. Two columns that swap their names, a column dropped and added again, another table in
the place of one: none of it changes a row, so none of it is in the stream, and the same names lead to other content.
PostgreSQL gives every table and column a number that no other has, and each line of its catalog the number of the
transaction that wrote it. They are noted (ledger.source_meanings) and held against the source's at each look.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

import psycopg

_READ = """
with recursive columns as (
    select
        c.oid as relation, c.relname, t.xmin as type_row, a.attname, a.attnum, a.atttypid, a.atttypmod, a.attcollation,
        a.attgenerated, a.xmin as altered
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    join pg_type as t on t.oid = c.reltype
    join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where n.nspname = %(schema)s and c.relkind in ('r', 'p') and not c.relispartition
),

-- Types that are not PostgreSQL's own, with those that they are made of.
parts as (
    select distinct atttypid as root, atttypid as part from columns where atttypid >= 16384
    union
    select p.root, m.part
    from parts as p
    join pg_type as t on t.oid = p.part
    cross join lateral (
        select t.typbasetype
        union select t.typelem
        union select a.atttypid from pg_attribute as a where a.attrelid = t.typrelid and a.attnum > 0
        union select r.rngsubtype from pg_range as r where r.rngtypid = t.oid
    ) as m (part)
    where m.part <> 0
),

described as (
    select
        p.root,
        string_agg(
            concat_ws(
                ' ', p.part,
                (select string_agg(quote_literal(e.enumlabel), ' ' order by e.enumsortorder)
                    from pg_enum as e where e.enumtypid = p.part),
                (select string_agg(concat_ws(' ', quote_ident(a.attname), a.attnum, a.atttypid), ' ' order by a.attnum)
                    from pg_type as t join pg_attribute as a on a.attrelid = t.typrelid and a.attnum > 0
                    where t.oid = p.part and not a.attisdropped)
            ), ',' order by p.part
        ) as text
    from parts as p group by p.root
)

select
    c.relname,
    c.relation::bigint,
    c.type_row::text,
    (
        select r.oid::bigint from pg_publication_rel as r join pg_publication as p on p.oid = r.prpubid
        where p.pubname = %(name)s and r.prrelid = c.relation
    ),
    c.attname,
    c.attnum,
    concat_ws(' ', c.atttypid, c.atttypmod, c.attcollation),
    md5(concat_ws(' ', d.text, case when c.attgenerated <> '' then e.adbin::text end)),
    c.altered::text
from columns as c
left join described as d on d.root = c.atttypid
left join pg_attrdef as e on e.adrelid = c.relation and e.adnum = c.attnum
"""


@dataclass(frozen=True)
class ColumnMeaning:
    """A column of the source.

    Attributes:
        number: in its table; never given to another column of it.
        type: number and modifier of the type, and the collation.
        content: a digest of what rows show beside their bytes: an enumeration's labels, a computing expression.
        row: the transaction that last altered the column; a name that was given away and back leaves it.
    """

    number: int
    type: str
    content: str
    row: str


@dataclass(frozen=True)
class TableMeaning:
    """A table of the source.

    Attributes:
        number: never given to another table of that database.
        row: the transaction that last renamed or moved the table, or gave it to another owner.
        listing: the number of its line in the publication, which changes when it is put back; None while it is out.
    """

    number: int
    row: str
    listing: int | None
    columns: Mapping[str, ColumnMeaning]


@dataclass(frozen=True)
class Change:
    """A name that means something else now, or may have meant something else meanwhile.

    Attributes:
        column: None for the whole table: then no row of it is known to be equal.
    """

    table: str
    column: str | None
    what: str


Meanings = Mapping[str, TableMeaning]


def read(source: psycopg.Connection, name: str, schema: str) -> dict[str, TableMeaning]:
    """What the names mean now.

    Args:
        name: of the publication.
    """
    found: dict[str, tuple[int, str, int | None, dict[str, ColumnMeaning]]] = {}
    for table, number, row, listing, column, *of_column in source.execute(_READ, {"name": name, "schema": schema}):
        columns = found.setdefault(table, (number, row, listing, {}))[3]
        columns[column] = ColumnMeaning(*of_column)
    return {table: TableMeaning(*of_table) for table, of_table in found.items()}


def changes(then: Meanings, now: Meanings, keys: Mapping[str, Set[str]]) -> list[Change]:
    """Which of the noted names mean something else now. Names that are gone are reported elsewhere.

    Args:
        then: what was noted, of what the stream brings.
        keys: the columns that identify rows of a table; without them none can be filled.
    """
    return [
        change
        for table, noted in then.items()
        if table in now
        for change in _of_table(table, noted, now[table], keys.get(table, frozenset()))
    ]


def _of_table(table: str, then: TableMeaning, now: TableMeaning, key: Set[str]) -> Iterator[Change]:
    what = None
    if now.number != then.number:
        what = "its name belongs to another table of the source now"
    elif now.row != then.row:
        what = "it was renamed, moved or given to another owner at the source and has its name again"
    elif then.listing is not None and now.listing is not None and now.listing != then.listing:
        what = "it was taken out of the publication and put back, and not by the warehouse"
    of_columns = [
        Change(table, column, what_now)
        for column, noted in then.columns.items()
        if column in now.columns and (what_now := _differs(noted, now.columns[column]))
    ]
    if what is None:
        in_key = next((one for one in of_columns if one.column in key), None)
        what = f"{in_key.column}, a part of its key: {in_key.what}" if in_key else None
    if what is not None:
        yield Change(table, None, what)
    else:
        yield from of_columns


def _differs(then: ColumnMeaning, now: ColumnMeaning) -> str | None:
    if then.number != now.number:
        return "its name belongs to another column of the source now"
    if then.type != now.type:
        return "its type was changed at the source"
    if then.content != now.content:
        return "the meaning of its type or its expression was changed at the source"
    return "it was altered at the source since the last look" if then.row != now.row else None
