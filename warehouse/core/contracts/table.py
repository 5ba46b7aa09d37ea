"""One table of a contract: its columns, its rules and the order of its rows. A delivery has a file for each table."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, get_args

from open_data_contract_standard.model import DataQuality, SchemaObject, SchemaProperty

from warehouse.core.contracts import singled_out
from warehouse.core.contracts.model import IDENTIFIER, QUASI_IDENTIFIER, Classification, Column, Rule, RuleKind
from warehouse.core.contracts.rules import BOUNDS, Unusable, column_rules, quality_rule
from warehouse.core.contracts.types import LARGEST_PRECISION, LOGICAL_TYPES, ColumnType, Kind, parse_type

OF_A_TABLE: Final = ("sortKey", "asAtColumn", "periodColumn", "newestOf")
"""The properties of a contract that are about the rows of one table. Where there are several, each has its own."""

_HEADING: Final = re.compile(r"^[A-Za-z][A-Za-z0-9_ ]{0,62}\Z")
"""What a file may call a column."""


@dataclass(frozen=True)
class Table:
    """What a contract says of one table.

    Attributes:
        primary_key: the columns that tell one row from another.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    primary_key: tuple[str, ...]
    sort_key: tuple[str, ...]
    as_at_column: str | None
    period_column: str | None
    newest_of: tuple[str, ...]


class TableReader:
    """Goes through a table of a document and gathers problems.

    Args:
        place: of the table in the document, such as "schema[0]".
        custom: the properties that are about its rows.
        custom_place: where they stand.
        wrong: told what is wrong, and where.
    """

    def __init__(
        self,
        place: str,
        table: SchemaObject,
        custom: Mapping[str, Any],
        custom_place: str,
        wrong: Callable[[str, str], None],
    ) -> None:
        self._place, self._object, self._given, self._custom_place = place, table, custom, custom_place
        self._problems = 0
        self._tell = wrong

    def table(self) -> Table:
        """The table, as far as it is sound."""
        columns, rules, description = self._table()
        period_column, newest_of = self._period(dict(self._given), columns)
        return Table(
            name=str(self._object.name),
            description=description,
            columns=columns,
            rules=rules,
            primary_key=self._primary_key,
            sort_key=self._sort_key(self._given.get("sortKey"), columns),
            as_at_column=self._as_at(self._given.get("asAtColumn"), columns),
            period_column=period_column,
            newest_of=newest_of,
        )

    def _wrong(self, place: str, what: str) -> None:
        self._problems += 1
        self._tell(place, what)

    @property
    def _primary_key(self) -> tuple[str, ...]:
        return tuple(entry.name or "" for entry in self._entries() if entry.primaryKey)

    def _table(self) -> tuple[tuple[Column, ...], tuple[Rule, ...], str]:
        table, properties = self._object, self._entries()
        columns = [
            column
            for position, entry in enumerate(properties)
            if (column := self._column(f"{self._place}.properties[{position}]", entry)) is not None
        ]
        names = [column.name for column in columns]
        for name in sorted({name for name in names if names.count(name) > 1}):
            self._wrong(f"{self._place}.properties", f"column `{name}` is there twice")
        headings = [column.in_file for column in columns]
        for name in sorted({name for name in headings if headings.count(name) > max(1, names.count(name))}):
            self._wrong(f"{self._place}.properties", f"two columns have the physicalName `{name}`")
        known, rules = frozenset(names), [rule for column in columns for rule in column_rules(column)]
        qualities: list[tuple[str, DataQuality, str | None]]
        qualities = [(f"{self._place}.quality", entry, None) for entry in table.quality or []]
        for position, entry in enumerate(properties):
            place = f"{self._place}.properties[{position}].quality"
            qualities += [(place, quality, entry.name) for quality in entry.quality or []]
        for place, quality, owner in qualities:
            try:
                rule = quality_rule(quality, owner, known)
            except Unusable as error:
                self._wrong(place, str(error))
            else:
                rules += [rule] if rule else []
                if rule and rule.kind is RuleKind.SINGLED_OUT:
                    self._check_countable(place, rule, columns)
        key = self._primary_key
        if not key:
            self._wrong(f"{self._place}.properties", "no column is a primaryKey, so rows cannot be distinguished")
        elif len(key) > 1:
            rules.append(Rule(f"{' and '.join(key)} are unique together", RuleKind.UNIQUE, key))
        return tuple(columns), tuple(rules), " ".join((table.description or "").split())

    def _check_countable(self, place: str, rule: Rule, columns: list[Column]) -> None:
        as_at, arguments = self._given.get("asAtColumn"), rule.arguments or {}
        if why := singled_out.why_not_countable(columns, arguments, None if as_at is None else str(as_at)):
            self._wrong(place, f"{rule.name}: {why}")

    def _column(self, place: str, entry: SchemaProperty) -> Column | None:
        name, before = entry.name or "", self._problems
        if not IDENTIFIER.match(name):
            self._wrong(f"{place}.name", f"`{name}` is not a name of small letters, digits and underscores")
        place = f"{place} ({name})"
        if entry.classification not in get_args(Classification):
            given = f"is `{entry.classification}`" if entry.classification else "is missing"
            self._wrong(f"{place}.classification", f"{given}; it must be one of {', '.join(get_args(Classification))}")
        if not (entry.description or "").strip():
            self._wrong(f"{place}.description", "is missing")
        column_type = self._type(place, entry)
        options = self._options(place, entry, column_type)
        if entry.physicalName is not None and not _HEADING.match(entry.physicalName):
            self._wrong(f"{place}.physicalName", "is not a name of letters, digits, underscores and spaces")
        pseudonym = self._is_pseudonym(place, entry, column_type)
        if self._problems > before or column_type is None:
            return None
        return Column(
            name=name,
            type=column_type,
            physical_type=entry.physicalType or "",
            classification=entry.classification,  # type: ignore[arg-type]  # just checked
            description=" ".join((entry.description or "").split()),
            # Part of a key may be missing where the contract says so, as the provider in a row of statistics for all.
            required=bool(entry.primaryKey) if entry.required is None else entry.required,
            unique=bool(entry.unique) or self._is_whole_key(entry),
            constraints=options,
            quasi_identifier=QUASI_IDENTIFIER in (entry.tags or []),
            pseudonym=pseudonym,
            heading=entry.physicalName or "",
        )

    def _is_pseudonym(self, place: str, entry: SchemaProperty, column_type: ColumnType | None) -> bool:
        """Whether a column leaves as a pseudonym: 64 hexadecimal digits that still stand for one person."""
        given = {str(one.property): one.value for one in entry.customProperties or []}
        if not given.get("pseudonym"):
            return False
        if column_type is not None and column_type.kind is not Kind.STRING:
            self._wrong(f"{place}.customProperties.pseudonym", "a pseudonym is a text")
        if entry.classification == "open":
            self._wrong(f"{place}.classification", "is `open`; a pseudonym is at least personal")
        return True

    def _entries(self) -> list[SchemaProperty]:
        return self._object.properties or []

    def _is_whole_key(self, entry: SchemaProperty) -> bool:
        keys = [one for one in self._entries() if one.primaryKey]
        return bool(entry.primaryKey) and len(keys) == 1

    def _type(self, place: str, entry: SchemaProperty) -> ColumnType | None:
        if not entry.physicalType:
            self._wrong(f"{place}.physicalType", "is missing")
            return None
        column_type = parse_type(entry.physicalType)
        if column_type is None:
            self._wrong(f"{place}.physicalType", f"`{entry.physicalType}` is not a type that a file can carry")
            return None
        if entry.logicalType != LOGICAL_TYPES[column_type.kind]:
            wanted = LOGICAL_TYPES[column_type.kind]
            self._wrong(f"{place}.logicalType", f"is `{entry.logicalType}`, but {entry.physicalType} is a {wanted}")
        if column_type.kind is Kind.DECIMAL and not 0 < (column_type.size or 0) <= LARGEST_PRECISION:
            self._wrong(f"{place}.physicalType", f"a numeric needs a precision of at most {LARGEST_PRECISION} digits")
        return column_type

    def _options(self, place: str, entry: SchemaProperty, column_type: ColumnType | None) -> dict[str, Any]:
        options = dict(entry.logicalTypeOptions or {})
        if "pattern" in options:
            try:
                re.compile(str(options["pattern"]))
            except re.error as error:
                self._wrong(f"{place}.logicalTypeOptions.pattern", f"is not a regular expression ({error})")
        if column_type is not None and column_type.kind in (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMP_WITH_ZONE):
            parse = date.fromisoformat if column_type.kind is Kind.DATE else datetime.fromisoformat
            for bound in BOUNDS:
                try:
                    parse(str(options.get(bound, "2000-01-01")))
                except ValueError:
                    self._wrong(f"{place}.logicalTypeOptions.{bound}", "is not an ISO date")
        return options

    def _sort_key(self, given: object, columns: tuple[Column, ...]) -> tuple[str, ...]:
        place = f"{self._custom_place}.sortKey"
        if not isinstance(given, list) or not given or not all(isinstance(name, str) for name in given):
            self._wrong(place, "must be a list of columns")
            return ()
        names = {column.name for column in columns}
        for name in given:
            if name not in names:
                self._wrong(place, f"no column `{name}` in this contract")
        whole_key = {entry.name for entry in self._entries() if entry.primaryKey}
        unique = {column.name for column in columns if column.unique and column.required}
        if not unique & set(given) and not whole_key <= set(given):
            # Rows that tie in the order could come in any order, and the file would not be the same twice.
            self._wrong(place, "must hold the primary key or a required unique column, or the order is not certain")
        return tuple(given)

    def _as_at(self, given: object, columns: tuple[Column, ...]) -> str | None:
        if given is None:
            return None
        if given not in {column.name for column in columns if column.type.kind is Kind.DATE}:
            self._wrong(f"{self._custom_place}.asAtColumn", f"`{given}` is not a date column of this contract")
        return str(given)

    def _period(self, custom: dict[str, Any], columns: tuple[Column, ...]) -> tuple[str | None, tuple[str, ...]]:
        given, newest = custom.get("periodColumn"), custom.get("newestOf", [])
        if given is not None and given not in {column.name for column in columns if column.type.kind is Kind.DATE}:
            self._wrong(f"{self._custom_place}.periodColumn", f"`{given}` is not a date column of this contract")
        names = {column.name for column in columns}
        if not isinstance(newest, list) or not set(newest) <= names or (newest and given is None):
            self._wrong(f"{self._custom_place}.newestOf", "must be a list of columns, beside a periodColumn")
            return None, ()
        return (None if given is None else str(given)), tuple(newest)
