"""The manifest of a delivery: a Frictionless Data Package (version 2), written last. With it the delivery is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC
from typing import Any

from warehouse.core import csv_on_disk, parquet_on_disk
from warehouse.core.contracts import Column, Contract, Kind, RuleKind
from warehouse.core.contracts.layout import Layout
from warehouse.core.contracts.references import COLUMNS, TABLE
from warehouse.core.contracts.statistics import Statistics
from warehouse.core.contracts.types import LOGICAL_TYPES
from warehouse.core.data_package import ABOUT, COLUMN, VALUES_HASH, as_bytes, file_facts, with_key
from warehouse.deliver import singled_out
from warehouse.deliver.edition import Edition
from warehouse.deliver.files import METADATA, FileFacts
from warehouse.deliver.ledger_records import Entry

PROFILE = "https://datapackage.org/profiles/2.0/{}.json"
_FIELD_TYPES = {kind: "datetime" if name == "timestamp" else name for kind, name in LOGICAL_TYPES.items()}
"""How a data package calls each kind: as a contract does, but for timestamps."""


def field_type(kind: Kind) -> str:
    """How a data package calls a kind."""
    return _FIELD_TYPES[kind]


_CONSTRAINTS = ("minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "pattern")


Known = tuple[Entry, Sequence[FileFacts]] | None
"""Another delivery in the ledger, with its data files."""


def build(
    edition: Edition,
    entry: Entry,
    files: Sequence[FileFacts],
    previous: Known,
    replaced: Known,
    released: Collection[str] = (),
) -> bytes:
    """The manifest's content. It holds no time of writing: the same delivery gives the same manifest.

    Args:
        entry: the delivery's row, which has what it rests on since its files were made.
        previous: the last delivery of an earlier period.
        replaced: the delivery that this revision replaces.
        released: the rules about its number of rows that a person released it from.
    """
    contract, period, delivery = edition.contract, edition.period, edition.delivery_id
    assert entry.as_at is not None, "the files were made"
    package: dict[str, Any] = {
        "$schema": PROFILE.format("datapackage"),
        "name": f"{contract.recipient}-{contract.name}-{edition.label}",
        "title": f"{contract.name} for {contract.recipient}, {edition.label}",
        "description": contract.description,
        "id": delivery,
        "version": entry.contract_version,
        "delivery": {
            "id": delivery,
            "period": str(period),
            "period_start": period.first.isoformat(),
            "period_end": period.last.isoformat(),
            "revision": edition.revision,
            "replaces": other(replaced),
            "as_at": entry.as_at.isoformat(),
            "known_up_to": entry.known_at.astimezone(UTC).isoformat() if entry.known_at else None,
            "synthetic": entry.synthetic,
            "rows": sum(file.rows or 0 for file in files),
            "files": len(files),
            "contract": {"id": contract.id, "version": entry.contract_version, "sha256": entry.contract_sha256},
            "model": contract.model,
            "build_id": entry.build_id,
            # The same rows give the same bytes as long as the library that writes them is the same.
            "writer": _writer(contract),
            "source": next((file.content.get("source") for file in files if file.content), None),
            "owner": contract.grounds.owner,
            "purpose": contract.purpose,
            "agreement": str(contract.grounds.agreement),
            "legal_basis": contract.grounds.legal_basis,
            "disclosure_rules": contract.grounds.disclosure_rules,
            "values_made_null": _made_null(files),
            **_singled_out(edition, files),
            "retention_months": contract.retention_months,
            "previous": other(previous),
            "volume": _volume(previous or replaced, released),
            **_pseudonyms(contract),
        },
        "resources": [_metadata(file) if file.is_metadata else _resource(edition, file) for file in files],
    }
    return as_bytes(package)


def _writer(contract: Contract) -> str | None:
    """The libraries that lay out the files, with their versions."""
    kinds = {one.format.kind for one in contract.files}
    packs = any(one.format.is_compressed for one in contract.files)
    return ", ".join([parquet_on_disk.WRITER] * ("parquet" in kinds) + [csv_on_disk.WRITER] * packs) or None


def _pseudonyms(contract: Contract) -> dict[str, Any]:
    """Which columns are pseudonyms, and of which key: those of two keys cannot be joined."""
    if contract.pseudonym_key is None:
        return {}
    columns = list(dict.fromkeys(column.in_file for column in contract.columns if column.pseudonym))
    key = contract.pseudonym_key
    return {"pseudonyms": {"columns": columns, "purpose": key.purpose, "key_version": key.version}}


def _volume(before: Known, released: Collection[str]) -> dict[str, Any]:
    """What the number of rows was compared with before the files left."""
    return {
        "compared_with": before[0].delivery_id if before else None,
        "rows_before": before[0].rows if before else None,
        "note": None if before else "The first delivery: there is none to compare its number of rows with.",
        "released": sorted(released),
    }


def _singled_out(edition: Edition, files: Sequence[FileFacts]) -> dict[str, Any]:
    """Who stands out in each table of people; nothing of a delivery in which it was not counted."""
    found = singled_out.by_table(edition, {file.name: file.singled_out for file in files})
    return {"singled_out": found} if found else {}


def _made_null(files: Sequence[FileFacts]) -> dict[str, int]:
    """How many values of each column no file can hold; whatever else is null was null in the warehouse."""
    found: Counter[str] = Counter()
    for file in files:
        found.update((file.content or {}).get("made_null", {}))
    return dict(sorted(found.items()))


def other(known: Known) -> dict[str, Any] | None:
    """What a manifest says of another delivery."""
    if known is None:
        return None
    entry, files = known
    return {
        "id": entry.delivery_id,
        "period": entry.period,
        "rows": entry.rows,
        "manifest_sha256": entry.manifest_sha256,
        "files": {file.base_name: f"sha256:{file.sha256}" for file in files},
    }


def _metadata(file: FileFacts) -> dict[str, Any]:
    """What says which columns of a table of statistics are filters and indicators. `about` is the table."""
    return {
        "$schema": PROFILE.format("dataresource"),
        "name": file.base_name.rsplit(".", maxsplit=1)[0].lower(),
        "path": file.base_name,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        **file_facts(file.bytes, file.sha256, file.rows),
        ABOUT: file.base_name.removesuffix(METADATA) + ".csv",
    }


def _resource_name(edition: Edition, base_name: str) -> str:
    """Of a file in the manifest: its name without the suffix, but where two forms would have one."""
    stem, suffix = base_name.lower().removesuffix(".gz").rsplit(".", maxsplit=1)
    forms = {one.format.kind for one in edition.contract.files}
    return f"{stem}-{suffix}" if len(forms) > 1 else stem


def _foreign_keys(edition: Edition, contract: Contract) -> dict[str, Any]:
    """What rows of a file refer to, in the words of a table schema; a table that refers to itself names none."""
    found = []
    for rule in contract.rules:
        if rule.kind is RuleKind.REFERENCE:
            table, columns = (rule.arguments or {})[TABLE], (rule.arguments or {})[COLUMNS]
            other = next(
                x
                for x in edition.files
                if x.contract.format.kind == contract.format.kind and (x.contract.table or table) == table
            )
            reference = {"fields": [other.contract.column(name).in_file for name in columns]}
            if other.contract is not contract:
                reference["resource"] = _resource_name(edition, other.base_name)  # type: ignore[assignment]
            found.append({"fields": [contract.column(name).in_file for name in rule.columns], "reference": reference})
    return {"foreignKeys": found} if found else {}


def _resource(edition: Edition, file: FileFacts) -> dict[str, Any]:
    contract = edition.of_file(file.base_name)
    assert contract is not None, "a file that was made under this contract"
    resource: dict[str, Any] = {
        "$schema": PROFILE.format("dataresource"),
        "name": _resource_name(edition, file.base_name),
        "path": file.base_name,
        "format": contract.format.kind,
        "mediatype": contract.format.media_type.split(";")[0],
        **file_facts(file.bytes, file.sha256, file.rows),
        # Of the rows, whichever library laid them out: with it whoever makes the file again knows what differs.
        **({VALUES_HASH: f"sha256:{file.values}"} if file.values else {}),
        "text": _text(contract, file),
        **({"disclosureControl": _disclosure(contract.statistics, file)} if contract.statistics else {}),
        **({"changes": file.content["changes"]} if file.content and "changes" in file.content else {}),
        "schema": with_key(
            {
                "$schema": PROFILE.format("tableschema"),
                "fields": [_field(column) for column in contract.columns],
            },
            [contract.column(name).in_file for name in contract.sort_key],
        )
        | _foreign_keys(edition, contract),
    }
    if contract.format.kind == "csv":
        resource["encoding"] = "utf-8"
        if contract.format.is_compressed:
            resource["compression"] = "gz"
        resource["dialect"] = {
            "$schema": PROFILE.format("tabledialect"),
            "delimiter": ",",
            "lineTerminator": "\r\n",
            "quoteChar": '"',
            "doubleQuote": True,
            "header": True,
        }
        resource["schema"]["missingValues"] = [""]
    if contract.format.layout:
        resource |= {"encoding": contract.format.layout.encoding, "layout": _layout(contract.format.layout)}
    return resource


def _disclosure(statistics: Statistics, file: FileFacts) -> dict[str, Any]:
    """What was done to small counts, and to how many; which ones is not said."""
    return {
        "suppressUnder": statistics.suppress_under,
        "roundTo": statistics.round_to,
        "zeros": "suppress" if statistics.hides_zeros else "keep",
        **(file.content or {}).get("disclosure", {}),
    }


def _layout(layout: Layout) -> dict[str, Any]:
    """Where each field is, as the receiver has to read it: no standard of metadata has words for it."""
    return {
        "width": layout.width,
        "lineTerminator": "\r\n",
        "records": {
            name: [
                {"start": one.start, "width": one.width}
                | ({"field": one.column} if one.column else {"constant": one.constant})
                for one in fields
            ]
            for name, fields in layout.records.items()
        },
    }


def _text(contract: Contract, file: FileFacts) -> dict[str, Any]:
    """What was done, or left, of characters that do harm where a file is opened."""
    found: dict[str, Any] = {
        "controlCharacters": contract.format.control_characters,
        "replacedCharacters": file.replaced,
    }
    if contract.format.kind == "csv":
        found |= {"formulaCharacters": contract.format.formula_characters, "formulas": file.formulas}
    if file.fitting is not None:
        found |= file.fitting
    return found


def _field(column: Column) -> dict[str, Any]:
    constraints: dict[str, Any] = {"required": True} if column.required else {}
    if column.unique:
        constraints["unique"] = True
    constraints |= {name: column.constraints[name] for name in _CONSTRAINTS if name in column.constraints}
    field: dict[str, Any] = {
        "name": column.in_file,
        "type": _FIELD_TYPES[column.type.kind],
        "description": column.description,
        "classification": column.classification,
    }
    if column.heading:
        # By it an erasure and a changed rule know what is in the column, whatever it was agreed to be called.
        field[COLUMN] = column.name
    if column.quasi_identifier:
        field["quasiIdentifier"] = True
    return field | ({"constraints": constraints} if constraints else {})
