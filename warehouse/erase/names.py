"""What the person is called, and the rows that may be about them for no better reason: a person decides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date

import psycopg
from psycopg import sql

from warehouse.core.identifiers import PERSON_ID
from warehouse.erase.conditions import Conditions, Relation, text_of
from warehouse.erase.rows import Tables
from warehouse.erase.rules import PersonRule
from warehouse.erase.subject import Called, Subject

MOST = 200
"""Of the candidates of one table that are listed: of a common name there may be thousands."""

_TEXTS = ("text", "character", "character varying")
_SHORTEST, _LONGEST = 4, 200
"""Of the other values that a reference is compared with, in letters."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_OWN = """
select distinct array[{values}]::text[] from {table} as t where {found} and not {shared}
"""
_CANDIDATES = """
select key, bool_or(born), bool_or(digits), count(*) over () from (
    select {key} as key, {born} as born, {digits} as digits from {table} as t where {candidate}
) as c
group by key order by 2 desc, 3 desc, 1 limit %(most)s
"""


@dataclass(frozen=True)
class Candidate:
    """A row that may be about the person; nothing of its content but its key.

    Attributes:
        row: "table/key", as a decision names it.
        because: "name and date of birth", "name", or "seven digits".
    """

    row: str
    place: str
    kind: str
    because: str


def learn(connection: psycopg.Connection, tables: Tables, subject: Subject) -> Subject:
    """The person with their names, days of birth and other sensitive values, in all versions of their rows."""
    found: dict[str, set[str]] = {"first": set(), "last": set(), "born": set(), "other": set()}
    for relation, rule in tables:
        columns = [(name, what) for name, what in _columns(rule) if relation.has(name) and _is_text(relation, name)]
        if not columns or not rule.rows:
            continue
        conditions = Conditions(relation, PersonRule(rows=rule.rows), subject)
        query = sql.SQL(_OWN).format(
            values=sql.SQL(", ").join(sql.SQL("{}::text").format(relation.value(name)) for name, _ in columns),
            table=relation.identifier,
            found=conditions.found,
            shared=conditions.shared if subject.values(PERSON_ID) else sql.SQL("false"),
        )
        for (values,) in connection.execute(query, subject.parameters):
            for (_, what), value in zip(columns, values, strict=True):
                if value and value.strip():
                    found[what].add(value.strip())
    return replace(
        subject,
        called=Called(
            first=frozenset(found["first"]),
            last=frozenset(found["last"]),
            born=frozenset(date.fromisoformat(day) for day in found["born"] if _DAY.fullmatch(day)),
            other=frozenset(value for value in found["other"] if _SHORTEST <= len(value) <= _LONGEST),
        ),
    )


def candidates(connection: psycopg.Connection, tables: Tables, subject: Subject) -> Iterator[Candidate]:
    """The rows that a person has to look at, those with the date of birth first."""
    for relation, rule in tables:
        if not rule.key or not relation.has(rule.key):
            continue
        conditions = Conditions(relation, rule, subject)
        query = sql.SQL(_CANDIDATES).format(
            key=text_of(relation, rule.key),
            born=conditions.born,
            digits=conditions.digits,
            table=relation.identifier,
            candidate=conditions.candidate,
        )
        for key, born, digits, _ in connection.execute(query, {**subject.parameters, "most": MOST}):
            because = "seven digits" if digits else "name and date of birth" if born else "name"
            yield Candidate(f"{relation.table}/{key}", relation.place, relation.kind, because)


def _columns(rule: PersonRule) -> Iterable[tuple[str, str]]:
    """The columns that say something of the person, each with what it says."""
    called = rule.called
    first, last, born = (called.first, called.last, (called.born,)) if called else ((), (), ())
    named = {**dict.fromkeys(first, "first"), **dict.fromkeys(last, "last")}
    named |= {name: "born" for name in born if name}
    return {**dict.fromkeys(rule.sensitive, "other"), **named}.items()


def _is_text(relation: Relation, name: str) -> bool:
    return relation.types[name].split("(")[0] in (*_TEXTS, "date")
