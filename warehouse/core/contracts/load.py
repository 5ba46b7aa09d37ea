"""From a contract's file to a `Contract`, with every mistake named by its place in the file."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any, get_args

from open_data_contract_standard.model import (
    CustomProperty,
    DataQuality,
    OpenDataContractStandard,
    SchemaObject,
    SchemaProperty,
)

from warehouse.core.contracts.confirmation import acknowledgement_of, proof_of
from warehouse.core.contracts.file_format import format_of
from warehouse.core.contracts.life import GROUNDS, grounds_of, status_of, version_of
from warehouse.core.contracts.model import (
    IDENTIFIER,
    QUASI_IDENTIFIER,
    Classification,
    Column,
    Contract,
    PseudonymKey,
    Rule,
    RuleKind,
)
from warehouse.core.contracts.place import EXPORTS, ExtractName, contract_files
from warehouse.core.contracts.read import contract_error, read
from warehouse.core.contracts.rules import BOUNDS, Unusable, column_rules, quality_rule
from warehouse.core.contracts.schedule import schedule_of
from warehouse.core.contracts.types import LARGEST_PRECISION, LOGICAL_TYPES, ColumnType, Kind, parse_type
from warehouse.core.destinations import kind_of_server, server_types
from warehouse.core.settings import near

_CUSTOM = {
    "model",
    "fileFormat",
    "sortKey",
    "asAtColumn",
    "compressionLevel",
    "rowsPerFile",
    "confirmation",
    "acknowledgement",
    "controlCharacters",
    "formulaCharacters",
    "pseudonymKey",
    "fixedWidth",
    "periodColumn",
    "newestOf",
    "firstDay",
    *GROUNDS,
    "fileName",
}
_MAY_CHANGE = {"confirmation", "acknowledgement", "agreement"}
"""Properties that say nothing of what a file holds: they may change under the same version, as the status may."""

_HEADING = re.compile(r"^[A-Za-z][A-Za-z0-9_ ]{0,62}\Z")
"""What a file may call a column."""


def load_contracts(folder: Path = EXPORTS) -> list[Contract]:
    """Every contract below a folder, of any status, in the order of recipients and names.

    Raises:
        ContractError: one is not sound, two have one id, or a file there is not where or named as a contract must be.
    """
    found = [load_contract(path) for path in contract_files(folder)]
    check_ids(found)
    return found


def check_ids(contracts: Iterable[Contract]) -> None:
    """Refuse two contracts of one id, which neither of them shows.

    Raises:
        ContractError: names both files.
    """
    first: dict[str, Contract] = {}
    for contract in contracts:
        other = first.setdefault(contract.id.casefold(), contract)
        if other is not contract:
            raise contract_error(contract.path, [f"id: `{contract.id}` is that of {near(other.path)} already"])


def load_contract(path: Path) -> Contract:
    """One contract.

    Raises:
        ContractError: with all that is wrong, each by its place in the file.
    """
    document, content = read(path)
    return _Loader(path, document, content).contract()


class _Loader:
    """Goes through a document and gathers problems, so that a person sees all of them at once."""

    def __init__(self, path: Path, document: OpenDataContractStandard, content: bytes) -> None:
        self._path = path
        self._document = document
        self._content = content
        self._problems: list[str] = []

    def contract(self) -> Contract:
        document, extract = self._document, ExtractName.of_file(self._path)
        recipient, name = extract
        for what, value in (("folder", recipient), ("file", name)):
            if not IDENTIFIER.match(value):
                self._wrong(what, f"`{value}` is not a name of small letters, digits and underscores")
        if document.name != name:
            self._wrong("name", f"is `{document.name}`, but the file is named `{name}`")
        if document.dataProduct != recipient:
            self._wrong("dataProduct", f"is `{document.dataProduct}`, but the folder of the recipient is `{recipient}`")
        custom = self._custom(document.customProperties or [])
        model = str(custom.get("model", ""))
        if model != extract.model:
            self._wrong("customProperties.model", f"is `{model}`, but the extract's model is `{extract.model}`")
        status, version = status_of(document, self._wrong), version_of(document, self._wrong)
        purpose, grounds = grounds_of(document, custom, status, self._wrong)
        columns, rules, description = self._table()
        sort_key = self._sort_key(custom.get("sortKey"), columns)
        as_at = self._as_at(custom.get("asAtColumn"), columns)
        file_format = format_of(custom, columns, self._wrong)
        period_column, newest_of = self._period(custom, columns)
        said = {str(entry.property): entry for entry in document.slaProperties or []}
        schedule, retention = schedule_of(said, custom.get("firstDay"), period_column, self._wrong)
        destinations = self._destinations()
        proof = proof_of(custom, self._wrong)
        acknowledgement = acknowledgement_of(custom, proof, self._wrong)
        pseudonym_key = self._pseudonym_key(custom.get("pseudonymKey"), columns)
        if self._problems:
            raise contract_error(self._path, self._problems)
        return Contract(
            path=self._path,
            sha256=hashlib.sha256(self._content).hexdigest(),
            id=str(document.id),
            version=version,
            status=status,
            grounds=grounds,
            recipient=recipient,
            name=name,
            model=model,
            description=description,
            purpose=purpose,
            columns=columns,
            rules=rules,
            sort_key=sort_key,
            as_at_column=as_at,
            format=file_format,
            schedule=schedule,
            destinations=destinations,
            proof=proof,
            acknowledgement=acknowledgement,
            retention_months=retention,
            content_sha256=_content(document),
            pseudonym_key=pseudonym_key,
            period_column=period_column,
            newest_of=newest_of,
            primary_key=tuple(one.name or "" for one in self._entries() if one.primaryKey),
        )

    # -- parts of the document -----------------------------------------------------------------------------------

    def _wrong(self, place: str, what: str) -> None:
        self._problems.append(f"{place}: {what}")

    def _custom(self, properties: list[CustomProperty]) -> dict[str, Any]:
        for entry in properties:
            if entry.property not in _CUSTOM:
                self._wrong("customProperties", f"`{entry.property}` is not a property that this product reads")
        return {str(entry.property): entry.value for entry in properties}

    def _table(self) -> tuple[tuple[Column, ...], tuple[Rule, ...], str]:
        tables = self._document.schema_ or []
        if len(tables) != 1 or not tables[0].properties:
            self._wrong("schema", "must hold one table with its columns in `properties`")
            return (), (), ""
        table: SchemaObject = tables[0]
        properties = table.properties or []
        columns = [
            column
            for position, entry in enumerate(properties)
            if (column := self._column(f"schema[0].properties[{position}]", entry)) is not None
        ]
        names = [column.name for column in columns]
        for name in sorted({name for name in names if names.count(name) > 1}):
            self._wrong("schema[0].properties", f"column `{name}` is there twice")
        headings = [column.in_file for column in columns]
        for name in sorted({name for name in headings if headings.count(name) > max(1, names.count(name))}):
            self._wrong("schema[0].properties", f"two columns have the physicalName `{name}`")
        known, rules = frozenset(names), [rule for column in columns for rule in column_rules(column)]
        qualities: list[tuple[str, DataQuality, str | None]]
        qualities = [("schema[0].quality", entry, None) for entry in table.quality or []]
        for position, entry in enumerate(properties):
            place = f"schema[0].properties[{position}].quality"
            qualities += [(place, quality, entry.name) for quality in entry.quality or []]
        for place, quality, owner in qualities:
            try:
                rule = quality_rule(quality, owner, known)
            except Unusable as error:
                self._wrong(place, str(error))
            else:
                rules += [rule] if rule else []
        key = tuple(entry.name or "" for entry in properties if entry.primaryKey)
        if not key:
            self._wrong("schema[0].properties", "no column is a primaryKey, so rows cannot be distinguished")
        elif len(key) > 1:
            rules.append(Rule(f"{' and '.join(key)} are unique together", RuleKind.UNIQUE, key))
        return tuple(columns), tuple(rules), " ".join((table.description or "").split())

    def _column(self, place: str, entry: SchemaProperty) -> Column | None:
        name, before = entry.name or "", len(self._problems)
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
        if len(self._problems) > before or column_type is None:
            return None
        return Column(
            name=name,
            type=column_type,
            physical_type=entry.physicalType or "",
            classification=entry.classification,  # type: ignore[arg-type]  # just checked
            description=" ".join((entry.description or "").split()),
            required=bool(entry.required or entry.primaryKey),
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

    def _pseudonym_key(self, given: Any, columns: tuple[Column, ...]) -> PseudonymKey | None:
        place, wanted = "customProperties.pseudonymKey", any(column.pseudonym for column in columns)
        if given is None:
            if wanted:
                self._wrong(place, "is missing: a column is a pseudonym. Give a purpose and a version")
            return None
        if not wanted:
            self._wrong(place, "is given, and no column is a pseudonym (customProperties, `pseudonym: true`)")
            return None
        purpose, version = (given.get("purpose"), given.get("version")) if isinstance(given, dict) else (None, None)
        if not isinstance(purpose, str) or not IDENTIFIER.match(purpose):
            self._wrong(place, "needs a `purpose`, a name of small letters, digits and underscores")
            return None
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            self._wrong(place, "needs a `version`, 1 or more")
            return None
        return PseudonymKey(purpose, version)

    def _entries(self) -> list[SchemaProperty]:
        tables = self._document.schema_ or []
        return tables[0].properties or [] if tables else []

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
        place = "customProperties.sortKey"
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
            self._wrong("customProperties.asAtColumn", f"`{given}` is not a date column of this contract")
        return str(given)

    def _period(self, custom: dict[str, Any], columns: tuple[Column, ...]) -> tuple[str | None, tuple[str, ...]]:
        given, newest = custom.get("periodColumn"), custom.get("newestOf", [])
        if given is not None and given not in {column.name for column in columns if column.type.kind is Kind.DATE}:
            self._wrong("customProperties.periodColumn", f"`{given}` is not a date column of this contract")
        names = {column.name for column in columns}
        if not isinstance(newest, list) or not set(newest) <= names or (newest and given is None):
            self._wrong("customProperties.newestOf", "must be a list of columns, beside a periodColumn")
            return None, ()
        return (None if given is None else str(given)), tuple(newest)

    def _destinations(self) -> frozenset[str]:
        kinds = set()
        for position, server in enumerate(self._document.servers or []):
            named = str(server.type)
            if named == "custom":  # of what the standard has no name for, such as Cloud Storage
                named = next((str(e.value) for e in server.customProperties or [] if e.property == "type"), named)
            kind = kind_of_server(named)
            if kind:
                kinds.add(kind.name)
            else:
                self._wrong(f"servers[{position}].type", f"`{named}` is not one of {server_types()}")
        if not kinds:
            self._wrong("servers", "is missing: a contract says what kinds of place it may go to")
        return frozenset(kinds)


def _content(document: OpenDataContractStandard) -> str:
    said = document.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"version", "status"})
    said["customProperties"] = [one for one in said.get("customProperties", []) if one["property"] not in _MAY_CHANGE]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
