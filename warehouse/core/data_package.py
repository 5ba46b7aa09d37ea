"""A manifest as a Frictionless Data Package: deliveries write it, and erasure writes it again the same way."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

NAME = "datapackage.json"
VALUES_HASH = "valuesHash"
"""What a resource calls the hash of its rows as PostgreSQL writes them; `hash` is that of the file."""


ABOUT = "about"
"""What a resource calls the data file that it is the metadata of; it has no rows of the extract."""


COLUMN = "column"
"""What a field calls the column of the contract and of the model, where the file has an agreed name for it."""


def as_bytes(package: Mapping[str, Any]) -> bytes:
    """The content of a manifest: the same package gives the same bytes."""
    return (json.dumps(package, indent=2, ensure_ascii=False) + "\n").encode()


def file_facts(size: int, sha256: str, rows: int | None) -> dict[str, Any]:
    """What a resource says of its file: the size in bytes, the hash, the number of rows."""
    return {"bytes": size, "hash": f"sha256:{sha256}", "rows": rows}


def with_key(fields: Mapping[str, Any], key: Sequence[str]) -> dict[str, Any]:
    """A resource's schema with the columns that tell its rows apart."""
    return {**fields, "primaryKey": list(key)}


def resource_beside(path: Path) -> dict[str, Any]:
    """What the manifest beside a data file says of it; empty where none does."""
    try:
        package = json.loads((path.parent / NAME).read_bytes())
        found: dict[str, Any] = next(one for one in package["resources"] if one["path"] == path.name)
        return found
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        return {}


def key_beside(path: Path) -> list[str]:
    """The key of a data file, as the manifest beside it states it; empty where none does."""
    try:
        return [str(name) for name in resource_beside(path)["schema"]["primaryKey"]]
    except (KeyError, TypeError):
        return []


def columns_beside(path: Path) -> dict[str, str]:
    """What the file's columns are called in the contract and the model, by the names that the file has for them.

    As the manifest beside it states it; empty where none does.
    """
    try:
        fields = resource_beside(path)["schema"]["fields"]
        return {str(one["name"]): str(one.get(COLUMN, one["name"])) for one in fields}
    except (KeyError, TypeError, AttributeError):
        return {}


def hashes(content: bytes, delivery: str) -> dict[str, str] | None:
    """The SHA-256 of each file that a manifest lists, by its base name; None if it is not one of this delivery."""
    try:
        package = json.loads(content)
        if package["delivery"]["id"] != delivery:
            return None
        return {str(one["path"]): str(one["hash"]).removeprefix("sha256:") for one in package["resources"]}
    except (ValueError, KeyError, TypeError):
        return None


def rewritten(content: bytes, files: Mapping[str, Mapping[str, Any]], erased: str) -> bytes:
    """A manifest of files that were rewritten. Done again, it gives the same bytes.

    Args:
        files: the facts of the files, by their base names, as `file_facts` gives them.
        erased: what it then says of them.
    """
    package = json.loads(content)
    for resource in package["resources"]:
        facts = files.get(resource["path"], {})
        if facts and facts.get("hash") != resource.get("hash"):
            # The rows are others, and what they were is on record in the ledger alone.
            resource.pop(VALUES_HASH, None)
        resource.update(facts)
    package["delivery"]["rows"] = sum(resource["rows"] or 0 for resource in package["resources"])
    package["delivery"]["erased"] = erased
    return as_bytes(package)
