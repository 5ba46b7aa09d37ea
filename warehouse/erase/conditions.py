"""The SQL that finds a person's rows, in flat tables and in the log, whose rows are one column of the row's type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from psycopg import sql

from warehouse.core.identifiers import NINO, PERSON_ID, TRN
from warehouse.erase import spelling
from warehouse.erase.rules import PersonRule, parts
from warehouse.erase.subject import Subject

Kind = Literal["replica", "history", "landing"]

ERASED: Final = "(erased)"
PLAIN: Final = {TRN: spelling.PLAIN_TRN, NINO: spelling.PLAIN_NINO}
"""How a column's number is made plain, by its kind."""

_NO: Final = sql.SQL("false")
_ROW: Final = sql.SQL("t")
_VALUES: Final = sql.SQL("%(kind_person_id)s::text[]")
_CONCERNS: Final = "exists (select from unnest({}) as x where lower(x::text) = any(%(kind_person_id)s::text[]))"
_CONCERNS_OTHERS: Final = """
exists (
    select from unnest({}) as x where not coalesce(lower(x::text) = any(%(kind_person_id)s::text[]), true)
)
"""


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
    """The conditions on the rows of one table; the values of their placeholders are Subject.parameters.

    A row is the person's by its columns, or because a text of it names them. Seven digits that equal their TRN are no
    name yet: they may be a ticket's or a telephone's number. A row that holds no more than those stays, without them.

    Args:
        relation: the table, called t in them.
        rule: how its rows belong to persons.
        subject: the person.
    """

    def __init__(self, relation: Relation, rule: PersonRule, subject: Subject) -> None:
        self._relation, self._rule, self._subject = relation, rule, subject
        self._texts = [column for column in rule.mentions if relation.has(column)]

    @property
    def found(self) -> sql.Composable:
        """The row says something of the person, or may: by their columns, their name, or seven digits."""
        return _any([self._by_columns, *map(self._mentions, self._texts), self.digits, self._decided_theirs])

    @property
    def surely(self) -> sql.Composable:
        """Of a row that was found: it does, by more than seven digits."""
        return _any([self._by_columns, self._named])

    @property
    def shared(self) -> sql.Composable:
        """It is another person's row, or concerns another person, too."""
        relation, rule = self._relation, self._rule
        terms: list[sql.Composable] = []
        if rule.people and relation.has(rule.people):
            terms.append(sql.SQL(_CONCERNS_OTHERS).format(relation.value(rule.people)))
        for owner in rule.owners:
            if relation.has(owner):
                terms.append(
                    sql.SQL("({} is not null and not {})").format(relation.value(owner), self._holds(owner, PERSON_ID))
                )
        return _any(terms)

    @property
    def digits(self) -> sql.Composable:
        """A text holds the seven digits of their TRN, and nobody has said that these are something else."""
        if not self._texts or not self._subject.trns:
            return _NO
        terms = [
            sql.SQL("({} and {})").format(self._perhaps(column), self._without_digests(self._text(column), "trns"))
            for column in self._texts
        ]
        return sql.SQL("({} and not {})").format(_any(terms), self._decided("not_theirs"))

    @property
    def candidate(self) -> sql.Composable:
        """A person has to decide whether it is about them: it has their name, or nothing but the seven digits."""
        return sql.SQL("({} and not {} and not {})").format(
            _any([self.digits, self._called(self._row())]), self.surely, self._decided("not_theirs")
        )

    @property
    def born(self) -> sql.Composable:
        """Of a candidate: the date of birth stands in it, too."""
        return self._matches(self._row(), "birthdays")

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
                    relation.target(rule.people), relation.value(rule.people), _VALUES
                )
            )
        for column in self._texts:
            empty = "{}" if relation.is_json(column) or relation.is_array(column) else None
            assignments.append(sql.SQL("{} = {}").format(relation.target(column), sql.Literal(empty)))
        return assignments

    def cut(self) -> list[sql.Composed]:
        """The assignments that take nothing but the seven digits out of a row."""
        relation = self._relation
        return [
            sql.SQL("{} = regexp_replace({}, %(trns)s::text, {}, 'gi')::{}").format(
                relation.target(column),
                self._text(column),
                # In JSON this is a number where one stood, and a text inside of a text.
                sql.Literal("0" if relation.is_json(column) else ERASED),
                sql.SQL(relation.types[column]),
            )
            for column in self._texts
        ]

    @property
    def _by_columns(self) -> sql.Composable:
        relation, rule = self._relation, self._rule
        terms = [self._holds(name, kind) for name, kind in {**rule.rows, **rule.points_to}.items()]
        if rule.people and relation.has(rule.people):
            terms.append(sql.SQL(_CONCERNS).format(relation.value(rule.people)))
        return _any(terms)

    @property
    def _named(self) -> sql.Composable:
        """A text names them: by an identifier that can be nothing else, or by the digits together with a name."""
        terms = [self._mentions(column) for column in self._texts]
        named = _any([self._matches(self._text(column), "names") for column in self._texts])
        return _any([*terms, sql.SQL("({} and {})").format(self.digits, named), self._decided_theirs])

    @property
    def _decided_theirs(self) -> sql.Composable:
        """A candidate that a person has called theirs."""
        candidate = _any([self.digits, self._called(self._row())])
        return sql.SQL("({} and {})").format(self._decided("theirs"), candidate)

    def _mentions(self, column: str) -> sql.Composable:
        text = self._text(column)
        pairs = [
            sql.SQL("({} and {})").format(self._matches(text, f"pair_{at}_0"), self._matches(text, f"pair_{at}_1"))
            for at in range(len(self._subject.pairs))
        ]
        found = _any([self._matches(text, "words"), self._without_digests(text, "sure_numbers"), *pairs])
        return sql.SQL("({} and {})").format(self._perhaps(column), found)

    def _perhaps(self, column: str) -> sql.Composable:
        """What is looked at first, for its speed: it finds more than the rest, and never less."""
        text = self._text(column)
        core = _like(sql.SQL(spelling.PLAIN).format(text), "cores")
        return sql.SQL("({} and {})").format(core, self._matches(text, "loosely"))

    def _called(self, text: sql.Composable) -> sql.Composable:
        """First and last name stand in a text, or the last name and the date of birth."""
        if not (self._subject.called.last and self._rule.key):
            return _NO
        last, first, born = (self._matches(text, name) for name in ("last_names", "first_names", "birthdays"))
        # In a table of other people's own records a namesake is none; one born on the same day may be no namesake.
        either = sql.SQL("({} or {})" if self._texts else "({} and {})").format(first, born)
        perhaps = _like(sql.SQL("lower({})").format(text), "last_name_cores")
        return sql.SQL("({} and {} and {})").format(perhaps, last, either)

    def _row(self) -> sql.Composable:
        return sql.SQL('({}::text collate "C")').format(sql.SQL("t.version") if self._relation.in_version else _ROW)

    def _text(self, column: str) -> sql.Composable:
        # The operational database's collations have no regular expressions.
        return sql.SQL('({}::text collate "C")').format(self._relation.value(column))

    def _matches(self, text: sql.Composable, name: str) -> sql.Composable:
        return sql.SQL("coalesce({} ~* {}::text, false)").format(text, sql.Placeholder(name))

    def _without_digests(self, text: sql.Composable, name: str) -> sql.Composable:
        rest = sql.SQL("regexp_replace({}, %(digests)s::text, '', 'gi')").format(text)
        return sql.SQL("({} and {})").format(self._matches(text, name), self._matches(rest, name))

    def _decided(self, name: str) -> sql.Composable:
        key = self._rule.key
        if not key or not self._relation.has(key):
            return _NO
        return sql.SQL("coalesce({} || {} = any({}::text[]), false)").format(
            sql.Literal(f"{self._relation.table}/"), text_of(self._relation, key), sql.Placeholder(name)
        )

    def _holds(self, name: str, kind: str) -> sql.Composable:
        if not self._relation.has(name) or not self._subject.values(kind):
            return _NO
        return sql.SQL("coalesce({} = any({}::text[]), false)").format(
            text_of(self._relation, name, kind), sql.Placeholder(f"kind_{kind}")
        )


def text_of(relation: Relation, name: str, kind: str | None = None) -> sql.Composed:
    """The text that identifiers of a column, or of "a + b", are compared by; a number's without blanks and slashes."""
    values = [sql.SQL("{}::text").format(relation.value(part)) for part in parts(name)]
    joined = sql.SQL(" || '/' || ").join(values)  # PAIR is what separates them
    if kind in PLAIN:
        return sql.SQL(PLAIN[kind]).format(joined)
    return sql.SQL('lower(({}) collate "C")').format(joined)


def _like(text: sql.Composable, name: str) -> sql.Composable:
    return sql.SQL("coalesce({} like any({}::text[]), false)").format(text, sql.Placeholder(name))


def _any(terms: Sequence[sql.Composable]) -> sql.Composable:
    some = [term for term in terms if term is not _NO]
    return sql.SQL("({})").format(sql.SQL(" or ").join(some)) if some else _NO
