"""The manifest of a set of change files. It follows from the ledger: the same set gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from warehouse.core.contracts import parse_type
from warehouse.core.data_package import VALUES_HASH, as_bytes, file_facts, with_key
from warehouse.core.parquet_on_disk import WRITER
from warehouse.deliver.change_files.read import OWN
from warehouse.deliver.change_files.records import Recorded
from warehouse.deliver.edition import ChangeSet
from warehouse.deliver.files import FileFacts
from warehouse.deliver.ledger_records import Entry
from warehouse.deliver.manifest import PROFILE, Known, field_type, other


def build(
    edition: ChangeSet,
    entry: Entry,
    files: Sequence[FileFacts],
    span: Recorded,
    previous: Known,
    replaced: Sequence[str],
) -> bytes:
    """The manifest's content.

    Args:
        span: what the set tells of, with the facts that were written down when its files were made.
        previous: the last closed set, of whichever series.
        replaced: the sets of earlier series.
    """
    contract, tables = edition.contract, span.facts["tables"]
    package: dict[str, Any] = {
        "$schema": PROFILE.format("datapackage"),
        "name": f"{contract.recipient}-{contract.name}-{edition.label}".lower(),
        "title": f"{contract.name} for {contract.recipient}, series {edition.series}, set {edition.number}",
        "description": contract.description,
        "id": edition.delivery_id,
        "version": entry.contract_version,
        "delivery": {
            "id": edition.delivery_id,
            "period": edition.period_label,
            "revision": edition.revision,
            "as_at": entry.as_at.isoformat() if entry.as_at else None,
            "known_up_to": span.known_at.astimezone(UTC).isoformat(),
            "synthetic": entry.synthetic,
            "rows": sum(file.rows or 0 for file in files),
            "files": len(files),
            "contract": {"id": contract.id, "version": entry.contract_version, "sha256": entry.contract_sha256},
            "writer": WRITER,
            "source": next((file.content.get("source") for file in files if file.content), None),
            "owner": contract.grounds.owner,
            "purpose": contract.purpose,
            "agreement": str(contract.grounds.agreement),
            "legal_basis": contract.grounds.legal_basis,
            "disclosure_rules": contract.grounds.disclosure_rules,
            "retention_months": contract.retention_months,
            "previous": other(previous),
        },
        "changes": {
            "series": edition.series,
            "number": edition.number,
            "begins_series_because": span.begins,
            "replaces_sets": list(replaced) if span.begins else [],
            "from_position": span.from_position,
            "before_position": span.to_position,
            "epoch": span.epoch_id,
            "gaps": span.facts["gaps"],
            "tables_gone": span.facts["tables_gone"],
            "tables_not_there": span.facts["tables_not_there"],
            "tables": {name: _table(said) for name, said in sorted(tables.items())},
        },
        "resources": [_resource(edition, file, tables) for file in files],
    }
    return as_bytes(package)


def _table(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if name not in ("columns", "key")}


def _resource(edition: ChangeSet, file: FileFacts, tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    table = file.base_name.removesuffix(f"-{edition.label}.parquet")
    said = tables[table]
    return {
        "$schema": PROFILE.format("dataresource"),
        "name": file.base_name.rsplit(".", maxsplit=1)[0].lower(),
        "path": file.base_name,
        "format": "parquet",
        "mediatype": edition.contract.format.media_type,
        **file_facts(file.bytes, file.sha256, file.rows),
        **({VALUES_HASH: f"sha256:{file.values}"} if file.values else {}),
        "table": table,
        "tableKey": said["key"],
        "schemaVersion": said["schema_version"],
        "schema": with_key(
            {"$schema": PROFILE.format("tableschema"), "fields": [*_own_fields(), *map(_field, said["columns"])]},
            [*said["key"], "trw_from_position", "trw_to_position"],
        ),
    }


def _own_fields() -> list[dict[str, Any]]:
    return [
        {
            "name": one.name,
            "type": field_type(one.type.kind),
            "description": one.description,
            "classification": one.classification,
            **({"constraints": {"required": True}} if one.required else {}),
        }
        for one in OWN
    ]


def _field(said: Mapping[str, Any]) -> dict[str, Any]:
    known = parse_type(said["type"])
    assert known is not None, said["type"]
    field = {name: value for name, value in said.items() if name not in ("type", "quasiIdentifier")}
    field["type"] = field_type(known.kind)
    return field | ({"quasiIdentifier": True} if said["quasiIdentifier"] else {})
