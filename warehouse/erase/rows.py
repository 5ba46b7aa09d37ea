"""A person's rows in tables: learning their identifiers, counting, and taking them out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import psycopg
from psycopg import sql

from warehouse.core.database import one
from warehouse.core.errors import ErasureRefused
from warehouse.core.identifiers import PERSON_ID
from warehouse.erase.conditions import Conditions, Relation, text_of
from warehouse.erase.relations import Elsewhere
from warehouse.erase.rules import PersonRule
from warehouse.erase.spelling import PLAIN
from warehouse.erase.subject import Subject

_MOST_ROUNDS = 10
_COUNT = """
select count(*) filter (where {surely} and not {shared}), count(*) filter (where not {surely} or {shared})
from {table} as t
where {found}
"""


_DELETE = """
delete from {} as t where {} and {} and not {} returning {}, lower({}::text)
"""
_UPDATE = """
update {} as t set {} where {} and {} returning {}
"""
_TOLD = """
select distinct {value} from {table} as t where {found} and not {shared} and {value} is not null
"""
_OTHERS_WITH = """
select distinct {value} from {table} as t where {value} = any(%(values)s::text[]) and ({others})
"""
_ELSEWHERE = """
select count(*) from (select t::text collate "C" as row from {table} as t) as t
where {plain} like any(%(cores)s::text[])
    and row ~* %(loosely)s::text
    and (
        row ~* %(words)s::text
        or (row ~* %(numbers)s::text and regexp_replace(row, %(digests)s::text, '', 'gi') ~* %(numbers)s::text)
        or row ~* %(sure_numbers)s::text
    )
"""


@dataclass(frozen=True)
class Found:
    """Rows of a person in a table.

    Attributes:
        ours: whether the table is ours to change.
        theirs: rows that are the person's alone.
        shared: rows about others, too.
    """

    place: str
    kind: str
    theirs: int
    shared: int = 0
    relation: int | None = None
    ours: bool = True


@dataclass(frozen=True)
class Removed:
    """What was taken out of a table.

    Attributes:
        places: each partition of it in which something was, or the table itself.
        keys: of the deleted rows, where the key is a UUID.
    """

    places: list[Found]
    keys: set[str]


Tables = list[tuple[Relation, PersonRule]]

_PARTITION = sql.SQL("(select c.relname from pg_catalog.pg_class as c where c.oid = t.tableoid)")


def learn(connection: psycopg.Connection, tables: Tables, subject: Subject) -> Subject:
    """The person with every identifier that their rows hold, in all versions.

    One identifier can lead to the next: a TRN to a person, the person to an account, the account to a task. One that
    another person's current row has, too, such as a shared e-mail address, identifies nobody and is left out.

    Raises:
        ErasureRefused: several persons have had the TRN that was given.
    """
    subject = _person_of(connection, tables, subject)
    for _ in range(_MOST_ROUNDS):
        before = subject
        for relation, rule in tables:
            for name, kind in rule.tells.items():
                if relation.has(name) and kind != PERSON_ID:
                    new = told(connection, relation, rule, text_of(relation, name), subject)
                    new -= set(subject.values(kind))
                    new -= _of_others(connection, tables, kind, new, subject) if new else set()
                    subject = subject.with_more(kind, new) if new else subject
        if subject.identifiers == before.identifiers:
            break
    return subject


def _person_of(connection: psycopg.Connection, tables: Tables, subject: Subject) -> Subject:
    """The person whose TRN was given, with their id. An id that was given leads to no other id."""
    if subject.values(PERSON_ID):
        return subject
    ids: set[str] = set()
    for relation, rule in tables:
        for name, kind in rule.tells.items():
            if kind == PERSON_ID and relation.has(name):
                ids |= told(connection, relation, rule, text_of(relation, name), subject)
    if len(ids) > 1:
        raise ErasureRefused(
            f"{len(ids)} persons have had this TRN.",
            meaning="It does not say which of them is meant. Nothing was erased.",
            next_command="Give the person's id in its place.",
        )
    return subject.with_more(PERSON_ID, ids) if ids else subject


def count(connection: psycopg.Connection, relation: Relation, rule: PersonRule, subject: Subject) -> Found:
    """How many rows of a table are the person's, and how many concern others, too."""
    conditions = Conditions(relation, rule, subject)
    query = sql.SQL(_COUNT).format(
        shared=conditions.shared, surely=conditions.surely, table=relation.identifier, found=conditions.found
    )
    theirs, shared = one(connection, query, subject.parameters)
    return Found(relation.place, relation.kind, int(theirs), int(shared))


def remove(connection: psycopg.Connection, relation: Relation, rule: PersonRule, subject: Subject) -> Removed:
    """Delete the person's rows, empty their part of the others', and cut their number where that is all there is."""
    conditions = Conditions(relation, rule, subject)
    key = relation.value(relation.key) if relation.key and relation.has(relation.key) else sql.SQL("null")
    deleted = connection.execute(
        sql.SQL(_DELETE).format(
            relation.identifier, conditions.found, conditions.surely, conditions.shared, _PARTITION, key
        ),
        subject.parameters,
    ).fetchall()
    changed: list[tuple[str]] = []
    for assignments, where in ((conditions.emptied(), conditions.surely), (conditions.cut(), conditions.digits)):
        if assignments:
            update = sql.SQL(_UPDATE).format(
                relation.identifier, sql.SQL(", ").join(assignments), conditions.found, where, _PARTITION
            )
            changed += connection.execute(update, subject.parameters).fetchall()
    gone, stripped = Counter(row[0] for row in deleted), Counter(row[0] for row in changed)
    places = [
        Found(f"{relation.schema}.{name}", relation.kind, gone[name], stripped[name]) for name in {*gone, *stripped}
    ]
    return Removed(places, {row[1] for row in deleted if row[1]})


@dataclass(frozen=True)
class LookedThrough:
    """What looking through other people's tables came to.

    Attributes:
        found: where an identifier is.
        unread: tables that this user may not read, or not all of: whether the person is in them is not known.
    """

    found: list[Found]
    unread: list[str]


def count_elsewhere(
    connection: psycopg.Connection, tables: Iterable[Elsewhere], subject: Subject, say: Callable[[str], None]
) -> LookedThrough:
    """The rows of other tables that contain an identifier, anywhere in the row."""
    found, unread = [], []
    for table in tables:
        say(f"looking through {table.place}")
        try:
            rows = _rows_with(connection, table, subject) if table.readable else None
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState):
            # Row security hides some rows, or a materialized view was not filled yet.
            rows = None
        if rows is None:
            unread.append(table.place)
        elif rows:
            found.append(Found(table.place, "derived", rows, relation=table.oid, ours=table.ours))
    return LookedThrough(found, unread)


def _rows_with(connection: psycopg.Connection, table: Elsewhere, subject: Subject) -> int:
    with connection.transaction():
        # Rows that a policy hides are not passed over in silence: reading the table fails.
        connection.execute("set local row_security = off")
        query = sql.SQL(_ELSEWHERE).format(
            table=sql.Identifier(table.schema, table.name), plain=sql.SQL(PLAIN).format(sql.SQL("row"))
        )
        return int(one(connection, query, subject.parameters)[0])


def told(
    connection: psycopg.Connection, relation: Relation, rule: PersonRule, value: sql.Composable, subject: Subject
) -> set[str]:
    """The values of an expression in the person's own rows."""
    if not rule.rows:
        return set()
    conditions = Conditions(relation, PersonRule(rows=rule.rows), subject)
    # Without an id nothing says yet that a row is another person's.
    shared = conditions.shared if subject.values(PERSON_ID) else sql.SQL("false")
    query = sql.SQL(_TOLD).format(value=value, table=relation.identifier, found=conditions.found, shared=shared)
    return {str(row[0]) for row in connection.execute(query, subject.parameters) if str(row[0]).strip()}


def _of_others(
    connection: psycopg.Connection, tables: Tables, kind: str, values: set[str], subject: Subject
) -> set[str]:
    """Which of some identifiers a current row of another person has."""
    plain = {value: next(iter(Subject({}).with_more(kind, [value]).compared(kind)), value) for value in values}
    found: set[str] = set()
    for relation, rule in tables:
        owners = [owner for owner in rule.owners if relation.has(owner)]
        if relation.kind != "replica" or not owners:
            continue
        others = sql.SQL(" or ").join(
            sql.SQL("({} is not null and {} <> all(%(kind_person_id)s::text[]))").format(
                relation.value(owner), text_of(relation, owner)
            )
            for owner in owners
        )
        for name in (name for name, said in rule.tells.items() if said == kind and relation.has(name)):
            query = sql.SQL(_OTHERS_WITH).format(
                value=text_of(relation, name, kind), table=relation.identifier, others=others
            )
            rows = connection.execute(query, {**subject.parameters, "values": sorted(set(plain.values()))})
            found |= {row[0] for row in rows}
    return {value for value in values if plain[value] in found}
