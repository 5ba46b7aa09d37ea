"""From a contract's file to a `Contract`, with every mistake named by its place in the file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from open_data_contract_standard.model import CustomProperty, OpenDataContractStandard

from warehouse.core.contracts.change_rules import PROPERTY, ChangeRules, change_rules_of
from warehouse.core.contracts.confirmation import acknowledgement_of, proof_of
from warehouse.core.contracts.file_format import format_of
from warehouse.core.contracts.life import GROUNDS, grounds_of, status_of, version_of
from warehouse.core.contracts.model import IDENTIFIER, Changes, Column, Contract, FileFormat, Proof, PseudonymKey
from warehouse.core.contracts.place import EXPORTS, ExtractName, contract_files
from warehouse.core.contracts.read import contract_error, read
from warehouse.core.contracts.references import named_by_table, with_references
from warehouse.core.contracts.schedule import schedule_of
from warehouse.core.contracts.statistics import Statistics, statistics_of
from warehouse.core.contracts.table import OF_A_TABLE, Table, TableReader
from warehouse.core.destinations import kind_of_server, server_types
from warehouse.core.settings import near

_CUSTOM = {
    "model",
    "fileFormat",
    "sortKey",
    "asAtColumn",
    "compression",
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
    "changes",
    "disclosureControl",
    PROPERTY,
}
_MAY_CHANGE = {"confirmation", "acknowledgement", "agreement"}
"""Properties that say nothing of what a file holds: they may change under the same version, as the status may."""

OF_A_FILE = {*OF_A_TABLE, "fileName"}
"""Properties that a table may have of its own where a contract has several."""


def load_contracts(folder: Path = EXPORTS) -> list[Contract]:
    """Every contract of an extract below a folder, of any status, in the order of recipients and names.

    Those of change files are not among them: `load_change_contracts` gives them.

    Raises:
        ContractError: one is not sound, two have one id, or a file there is not where or named as a contract must be.
    """
    return [contract for contract in _every(folder) if contract.change_files is None]


def load_change_contracts(folder: Path = EXPORTS) -> list[Contract]:
    """Every contract of change files below a folder.

    Raises:
        ContractError: see load_contracts.
    """
    return [contract for contract in _every(folder) if contract.change_files is not None]


def _every(folder: Path) -> list[Contract]:
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
        recipient, name, _ = extract
        for what, value in (("folder", recipient), ("file", name)):
            if not IDENTIFIER.match(value):
                self._wrong(what, f"`{value}` is not a name of small letters, digits and underscores")
        if document.name != name:
            self._wrong("name", f"is `{document.name}`, but the file is named `{name}`")
        if document.dataProduct != recipient:
            self._wrong("dataProduct", f"is `{document.dataProduct}`, but the folder of the recipient is `{recipient}`")
        custom = self._custom(document.customProperties or [])
        if PROPERTY in custom:
            return self._of_changes(extract, custom)
        model = str(custom.get("model", ""))
        if model != extract.model:
            self._wrong("customProperties.model", f"is `{model}`, but the extract's model is `{extract.model}`")
        status, version = status_of(document, self._wrong), version_of(document, self._wrong)
        purpose, grounds = grounds_of(document, custom, status, self._wrong)
        tables = self._tables(custom)
        columns = tuple(column for table in tables for column in table.columns)
        formats = self._formats(custom, tables)
        period_column = next((table.period_column for table in tables if table.period_column), None)
        said = {str(entry.property): entry for entry in document.slaProperties or []}
        schedule, retention = schedule_of(said, custom.get("firstDay"), period_column, self._wrong)
        destinations = self._destinations()
        proof = proof_of(custom, self._wrong)
        acknowledgement = acknowledgement_of(custom, proof, self._wrong)
        pseudonym_key = self._pseudonym_key(custom.get("pseudonymKey"), columns)
        changes = self._changes(custom.get("changes"), tables)
        statistics = self._statistics(custom)
        if self._problems:
            raise contract_error(self._path, self._problems)
        first = tables[0]
        whole = Contract(
            path=self._path,
            sha256=hashlib.sha256(self._content).hexdigest(),
            id=str(document.id),
            version=version,
            status=status,
            grounds=grounds,
            recipient=recipient,
            name=name,
            model=model,
            description=first.description if len(tables) == 1 else self._description(tables),
            purpose=purpose,
            columns=columns,
            rules=tuple(rule for table in tables for rule in table.rules),
            sort_key=first.sort_key,
            as_at_column=first.as_at_column,
            format=formats[0][1],
            schedule=schedule,
            destinations=destinations,
            proof=proof,
            acknowledgement=acknowledgement,
            retention_months=retention,
            content_sha256=_content(document),
            pseudonym_key=pseudonym_key,
            period_column=period_column,
            newest_of=first.newest_of,
            primary_key=first.primary_key,
            changes=changes,
            statistics=None if len(formats) > 1 else statistics[0],
        )
        if len(formats) == 1:
            return whole
        several = len(tables) > 1
        return replace(
            whole,
            parts=tuple(
                replace(_part(whole, table, file_format, several=several), statistics=statistics[tables.index(table)])
                for table, file_format in formats
            ),
        )

    def _of_changes(self, extract: ExtractName, custom: dict[str, Any]) -> Contract:
        """Of change files: their columns are those of the replicated tables, and each file's manifest lists its own."""
        document = self._document
        changes: ChangeRules = change_rules_of(custom[PROPERTY], self._wrong)
        for name in sorted(set(custom) - {PROPERTY, "fileFormat", "compressionLevel", *GROUNDS}):
            self._wrong(f"customProperties.{name}", "is not for change files")
        if document.schema_:
            self._wrong("schema", "is not for change files: the manifest of each set says what is in its files")
        status, version = status_of(document, self._wrong), version_of(document, self._wrong)
        purpose, grounds = grounds_of(document, custom, status, self._wrong)
        file_format = format_of(custom, (), self._wrong)
        if file_format.kind != "parquet":
            self._wrong("customProperties.fileFormat", f"is `{file_format.kind}`; change files are parquet")
        said = {str(entry.property): entry for entry in document.slaProperties or []}
        schedule, retention = schedule_of(said, None, PROPERTY, self._wrong)
        if schedule.every != "day":
            self._wrong("slaProperties.frequency", "must be 1 with unit day: a set is owed once a day is over")
        destinations = self._destinations()
        if self._problems:
            raise contract_error(self._path, self._problems)
        return Contract(
            path=self._path,
            sha256=hashlib.sha256(self._content).hexdigest(),
            id=str(document.id),
            version=version,
            status=status,
            grounds=grounds,
            recipient=extract.recipient,
            name=extract.name,
            model=extract.model,
            description=" ".join(((document.description.usage if document.description else None) or "").split()),
            purpose=purpose,
            columns=(),
            rules=(),
            sort_key=(),
            as_at_column=None,
            format=file_format,
            schedule=schedule,
            destinations=destinations,
            # What was taken away could not be told from what never arrived, and every later set rests on it.
            proof=Proof.READ_BACK,
            retention_months=retention,
            content_sha256=_content(document),
            change_files=changes,
        )

    # -- parts of the document -----------------------------------------------------------------------------------

    def _wrong(self, place: str, what: str) -> None:
        self._problems.append(f"{place}: {what}")

    def _custom(
        self, properties: list[CustomProperty], known: Collection[str] = _CUSTOM, place: str = "customProperties"
    ) -> dict[str, Any]:
        for entry in properties:
            if entry.property not in known:
                self._wrong(place, f"`{entry.property}` is not a property that this product reads")
        return {str(entry.property): entry.value for entry in properties}

    def _tables(self, custom: dict[str, Any]) -> list[Table]:
        objects = self._document.schema_ or []
        several = len(objects) > 1
        if not objects or not all(one.properties for one in objects):
            self._wrong("schema", "must hold a table with its columns in `properties`, or several of them")
            return []
        for name in OF_A_TABLE if several else ():
            if name in custom:
                self._wrong(f"customProperties.{name}", "is of one table: say it in the customProperties of each")
        names = [str(one.name) for one in objects]
        found = []
        for position, one in enumerate(objects):
            place = f"schema[{position}]"
            if several and not IDENTIFIER.match(names[position]):
                self._wrong(f"{place}.name", f"`{one.name}` is not a name of small letters, digits and underscores")
            if names.count(names[position]) > 1:
                self._wrong(f"{place}.name", f"`{one.name}` is the name of two tables")
            if several:
                given = self._custom(one.customProperties or [], OF_A_FILE, f"{place}.customProperties")
                key = [entry.name for entry in one.properties or [] if entry.primaryKey]
                given = {"sortKey": key, **given}
                reader = TableReader(place, one, given, f"{place}.customProperties", self._wrong)
            else:
                reader = TableReader(place, one, custom, "customProperties", self._wrong)
            found.append(reader.table())
        keyed = with_references(objects, found, self._wrong)
        return [named_by_table(table) for table in keyed] if several else keyed

    def _statistics(self, custom: dict[str, Any]) -> list[Statistics | None]:
        """What each table is as statistics. The rule for small counts is one for all of them."""
        objects = self._document.schema_ or []
        control, kind = custom.get("disclosureControl"), custom.get("fileFormat")
        found = [
            statistics_of(control, f"schema[{number}]", one.properties or [], kind, self._wrong)
            for number, one in enumerate(objects)
        ]
        if control is not None and not any(found) and not self._problems:
            place = "customProperties.disclosureControl"
            self._wrong(place, "is given, and no column is a filter or an indicator (customProperties, `statistics`)")
        return found

    def _formats(self, custom: dict[str, Any], tables: list[Table]) -> list[tuple[Table, FileFormat]]:
        """Each file of a delivery: the forms one after the other, in each of them every table."""
        kinds = custom.get("fileFormat")
        listed: list[Any] = kinds if isinstance(kinds, list) and kinds else [kinds]
        objects = self._document.schema_ or []
        found = []
        for kind in listed:
            for table, one in zip(tables, objects, strict=False):
                own = {str(entry.property): entry.value for entry in one.customProperties or []}
                given = {**custom, "fileFormat": kind}
                given |= {"fileName": own["fileName"]} if len(tables) > 1 and "fileName" in own else {}
                if kind != "csv" and "csv" in listed:
                    for of_csv in ("formulaCharacters", "compression"):
                        given.pop(of_csv, None)
                found.append((table, format_of(given, table.columns, self._wrong)))
        if len(listed) > 1 and listed != ["csv", "parquet"]:
            self._wrong("customProperties.fileFormat", "is a list of other forms than [csv, parquet]")
        if len(found) > 1:
            self._several_files(custom, [one for _, one in found])
        return found

    def _several_files(self, custom: dict[str, Any], formats: list[FileFormat]) -> None:
        if any(one.layout for one in formats):
            self._wrong("customProperties.fileFormat", "fixed-width is for a delivery of one file")
        if custom.get("rowsPerFile") is not None:
            self._wrong("customProperties.rowsPerFile", "is for a contract of one table in one form")
        given = [one.file_name for one in formats if one.file_name]
        for name in sorted({name for name in given if given.count(name) > 1}):
            self._wrong("customProperties.fileName", f"`{name}` is the name of two files of a delivery")

    def _changes(self, given: Any, tables: list[Table]) -> Changes | None:
        if given is None:
            return None
        place = "customProperties.changes"
        person, merged = (given.get("person"), given.get("merged")) if isinstance(given, dict) else (None, None)
        if len(tables) < 2 or not any(table.primary_key == (person,) for table in tables):
            self._wrong(place, "needs `person`, the column that is the key of one of several tables")
        map_ = next((table for table in tables if table.name == merged), None)
        if map_ is None or len(map_.primary_key) != 1 or person not in {column.name for column in map_.columns}:
            self._wrong(place, "needs `merged`, a table with a key of one column, and with `person`")
        return Changes(str(person), str(merged))

    def _description(self, tables: list[Table]) -> str:
        usage = self._document.description.usage if self._document.description else None
        return " ".join((usage or f"Files of {', '.join(table.name for table in tables)}.").split())

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


def _part(whole: Contract, table: Table, file_format: FileFormat, *, several: bool) -> Contract:
    """A contract as that of one of the files that a delivery of it has."""
    return replace(
        whole,
        table=table.name if several else "",
        model=f"{whole.model}_{table.name}" if several else whole.model,
        description=table.description,
        columns=table.columns,
        rules=table.rules,
        sort_key=table.sort_key,
        as_at_column=table.as_at_column,
        format=file_format,
        period_column=table.period_column,
        newest_of=table.newest_of,
        primary_key=table.primary_key,
    )


def _content(document: OpenDataContractStandard) -> str:
    said = document.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"version", "status"})
    said["customProperties"] = [one for one in said.get("customProperties", []) if one["property"] not in _MAY_CHANGE]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
