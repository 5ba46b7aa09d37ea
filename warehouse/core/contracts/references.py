"""Foreign keys between the tables of a contract: `relationships` in the words of the standard.

Each becomes a rule of the table that refers, which the gate holds against the files of both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from open_data_contract_standard.model import Relationship, SchemaObject

from warehouse.core.contracts.model import Rule, RuleKind
from warehouse.core.contracts.table import Table

TABLE: Final = "table"
COLUMNS: Final = "columns"
"""What the arguments of such a rule name: the table that is referred to, and the columns of its key."""

Wrong = Callable[[str, str], None]


class _Unclear(ValueError):
    """A relationship that cannot be understood; its text says why."""


def with_references(objects: Sequence[SchemaObject], tables: Sequence[Table], wrong: Wrong) -> list[Table]:
    """The tables with a rule for each relationship.

    Args:
        objects: as the document has the tables.
        wrong: told what is wrong, and where.
    """
    known = {table.name: table for table in tables}
    found = []
    for position, (one, table) in enumerate(zip(objects, tables, strict=True)):
        rules = []
        for place, relationship, owner in _relationships(f"schema[{position}]", one):
            try:
                rules.append(_rule(relationship, table, owner, known))
            except _Unclear as error:
                wrong(place, str(error))
        found.append(replace(table, rules=(*table.rules, *rules)))
    return found


def named_by_table(table: Table) -> Table:
    """The table with its name before that of each rule, so that two tables' rules are not taken for one."""
    return replace(table, rules=tuple(replace(rule, name=f"{table.name}: {rule.name}") for rule in table.rules))


def _relationships(place: str, table: SchemaObject) -> Iterator[tuple[str, Relationship, str | None]]:
    for one in table.relationships or []:
        yield f"{place}.relationships", one, None
    for position, entry in enumerate(table.properties or []):
        for one in entry.relationships or []:
            yield f"{place}.properties[{position}].relationships", one, entry.name


def _rule(given: Relationship, table: Table, owner: str | None, known: dict[str, Table]) -> Rule:
    source = [(table.name, owner)] if owner else _places(given.from_)
    if any(name != table.name for name, _ in source):
        raise _Unclear(f"`from` must name columns of {table.name}")
    target = _places(given.to)
    names = {name for name, _ in target}
    if len(names) != 1 or len(source) != len(target):
        raise _Unclear("`from` and `to` must name as many columns, those of `to` in one table")
    other = known.get(names.pop())
    if other is None:
        raise _Unclear(f"no table `{target[0][0]}` in this contract")
    columns, theirs = tuple(str(column) for _, column in source), tuple(str(column) for _, column in target)
    for one, name in [*((table, name) for name in columns), *((other, name) for name in theirs)]:
        if name not in {column.name for column in one.columns}:
            raise _Unclear(f"{one.name} has no column `{name}`")
    unique = {(column.name,) for column in other.columns if column.unique}
    if theirs not in unique and set(theirs) != set(other.primary_key):
        raise _Unclear(f"{', '.join(theirs)} is no key of {other.name}: refer to its primaryKey or a unique column")
    kinds = {name: {column.name: column.type.kind for column in known[name].columns} for name in known}
    for mine, its in zip(columns, theirs, strict=True):
        if kinds[table.name][mine] != kinds[other.name][its]:
            raise _Unclear(f"{mine} is {kinds[table.name][mine]}, and {other.name}.{its} {kinds[other.name][its]}")
    return Rule(
        f"{' and '.join(columns)} is in {other.name}",
        RuleKind.REFERENCE,
        columns,
        arguments={TABLE: other.name, COLUMNS: theirs},
    )


def _places(given: str | list[str] | None) -> list[tuple[str, str]]:
    listed = given if isinstance(given, list) else [given or ""]
    found = [tuple(one.split(".")) for one in listed]
    if not all(len(one) == 2 for one in found):
        raise _Unclear("must be written as table.column")
    return [(one[0], one[1]) for one in found]
