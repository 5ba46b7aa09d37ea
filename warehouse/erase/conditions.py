"""The SQL that finds a person's rows, in flat tables and in the log, whose rows are one column of the row's type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from psycopg import sql

from warehouse.erase.rules import PERSON_ID, PersonRule, parts
from warehouse.erase.subject import Subject, pattern

Kind = Literal["replica", "history", "landing"]


@dataclass(frozen=True)
class Relation:
    """A table with rows of persons.

    Attributes:
        kind: where it belongs.
        types: its columns with their types; for the log those of the row in it.
        in_version: whether its columns are fields of one column `version`.
        table: the replicated table that it belongs to; its own name for another.
        key: its primary key's column, if there is one and it is a UUID.
        is_partitioned: whether its rows are in partitions.
    """

    schema: str
    name: str
    kind: Kind
    types: Mapping[str, str]
    table: str
    in_version: bool = False
    key: str | None = None
    is_partitioned: bool = False

    @property
    def place(self) -> str:
        """Its name in the record."""
        return f"{self.schema}.{self.name}"

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)

    def value(self, column: str) -> sql.Composed:
        """A column of it, with the table called t."""
        if self.in_version:
            return sql.SQL("(t.version).{}").format(sql.Identifier(column))
        return sql.SQL("{}").format(sql.Identifier("t", column))

    def target(self, column: str) -> sql.Composed:
        """A column of it on the left side of an assignment."""
        if self.in_version:
            return sql.SQL("version.{}").format(sql.Identifier(column))
        return sql.SQL("{}").format(sql.Identifier(column))

    def is_json(self, column: str) -> bool:
        return self.types.get(column, "").startswith("json")

    def is_array(self, column: str) -> bool:
        return self.types.get(column, "").endswith("[]")

    def has(self, name: str) -> bool:
        """Whether the column, or both of "a + b", are there: the log and history lag behind a change of structure."""
        return all(part in self.types for part in parts(name))


class Conditions:
    """The conditions on the rows of one table.

    Args:
        relation: the table, called t in them.
        rule: how its rows belong to persons.
        subject: the person.
    """

    def __init__(self, relation: Relation, rule: PersonRule, subject: Subject) -> None:
        self._relation, self._rule, self._subject = relation, rule, subject

    @property
    def found(self) -> sql.Composable:
        """The row says something of the person."""
        relation, rule = self._relation, self._rule
        terms = [self._holds(name, kind) for name, kind in {**rule.rows, **rule.points_to}.items()]
        if rule.people and relation.has(rule.people):
            terms.append(self._concerns)
        terms += [self.mentions(column) for column in rule.mentions if relation.has(column)]
        return _any(terms)

    @property
    def shared(self) -> sql.Composable:
        """It is another person's row, or concerns another person, too."""
        relation, rule = self._relation, self._rule
        terms: list[sql.Composable] = []
        if rule.people and relation.has(rule.people):
            terms.append(
                sql.SQL(
                    "exists (select from unnest({}) as x where not coalesce(lower(x::text) = any({}), true))"
                ).format(relation.value(rule.people), _array(self._subject.values(PERSON_ID)))
            )
        for owner in rule.owners:
            if relation.has(owner):
                terms.append(
                    sql.SQL("({} is not null and not {})").format(relation.value(owner), self._holds(owner, PERSON_ID))
                )
        return _any(terms)

    def emptied(self) -> list[sql.Composed]:
        """The assignments that take the person's part out of a row that stays."""
        relation, rule = self._relation, self._rule
        assignments = []
        for name, kind in {**rule.rows, **rule.points_to}.items():
            for column in parts(name):
                if relation.has(name):
                    assignments.append(
                        sql.SQL("{} = case when {} then null else {} end").format(
                            relation.target(column), self._holds(name, kind), relation.value(column)
                        )
                    )
        if rule.people and relation.has(rule.people):
            assignments.append(
                sql.SQL("{} = array(select x from unnest({}) as x where not lower(x::text) = any({}))").format(
                    relation.target(rule.people),
                    relation.value(rule.people),
                    _array(self._subject.values(PERSON_ID)),
                )
            )
        for column in rule.mentions:
            if relation.has(column):
                empty = "{}" if relation.is_json(column) or relation.is_array(column) else None
                assignments.append(sql.SQL("{} = {}").format(relation.target(column), sql.Literal(empty)))
        return assignments

    def mentions(self, column: str) -> sql.Composable:
        """A column's text contains an identifier."""
        relation, subject = self._relation, self._subject
        # The operational database's collations have no regular expressions.
        text = sql.SQL('({}::text collate "C")').format(relation.value(column))
        json = relation.is_json(column)
        terms: list[sql.Composable] = []
        if subject.words:
            terms.append(sql.SQL("{} ~* {}").format(text, sql.Literal(pattern(subject.words, json=json))))
        for pair in subject.pairs:
            both = [sql.SQL("{} ~* {}").format(text, sql.Literal(pattern([word]))) for word in pair]
            terms.append(sql.SQL("({})").format(sql.SQL(" and ").join(both)))
        return sql.SQL("coalesce({}, false)").format(_any(terms))

    @property
    def _concerns(self) -> sql.Composed:
        assert self._rule.people is not None
        return sql.SQL("exists (select from unnest({}) as x where lower(x::text) = any({}))").format(
            self._relation.value(self._rule.people), _array(self._subject.values(PERSON_ID))
        )

    def _holds(self, name: str, kind: str) -> sql.Composable:
        if not self._relation.has(name):
            return sql.SQL("false")
        return holds(self._relation, name, self._subject.values(kind))


def holds(relation: Relation, name: str, values: Iterable[str]) -> sql.Composed:
    """A column, or "a + b", holds one of some identifiers."""
    return sql.SQL("coalesce({} = any({}), false)").format(text_of(relation, name), _array(values))


def text_of(relation: Relation, name: str) -> sql.Composed:
    """The text that identifiers of a column, or of "a + b", are compared by."""
    values = [sql.SQL("{}::text").format(relation.value(part)) for part in parts(name)]
    joined = sql.SQL(" || '/' || ").join(values)  # PAIR is what separates them
    return sql.SQL('lower(({}) collate "C")').format(joined)


def _array(values: Iterable[str]) -> sql.Composed:
    return sql.SQL("{}::text[]").format(sql.Literal(sorted(values)))


def _any(terms: list[sql.Composable]) -> sql.Composable:
    return sql.SQL("({})").format(sql.SQL(" or ").join(terms)) if terms else sql.SQL("false")
