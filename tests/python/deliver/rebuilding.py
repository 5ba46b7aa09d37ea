"""Tables rebuilt from change files as a receiver does it: with the files and their manifests, and nothing else."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet


@dataclass(frozen=True)
class Sets:
    """The sets of one series, in their order.

    Attributes:
        manifests: each with its folder.
    """

    manifests: list[tuple[Path, dict[str, Any]]]

    @property
    def before_position(self) -> int:
        return int(self.manifests[-1][1]["changes"]["before_position"])

    def tables(self) -> list[str]:
        return sorted({one["table"] for _, package in self.manifests for one in package["resources"]})

    def key(self, table: str) -> list[str]:
        return list(self.resources(table)[-1][1]["tableKey"])

    def resources(self, table: str) -> list[tuple[Path, dict[str, Any]]]:
        """A table's files, from the last complete copy of it on."""
        found: list[tuple[Path, dict[str, Any]]] = []
        for folder, package in self.manifests:
            if package["changes"]["tables"].get(table, {}).get("complete"):
                found = []
            found += [(folder / one["path"], one) for one in package["resources"] if one["table"] == table]
        return found

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Every row of a table's files; a column that a file has not got is null."""
        names: dict[str, None] = {}
        found: list[dict[str, Any]] = []
        for path, resource in self.resources(table):
            assert resource["hash"] == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
            read = pyarrow.parquet.read_table(path)
            assert read.schema.names == [one["name"] for one in resource["schema"]["fields"]]
            assert read.num_rows == resource["rows"]
            names |= dict.fromkeys(read.schema.names)
            found += read.to_pylist()
        return [{name: row.get(name) for name in names} for row in found]

    def versions(self, table: str) -> list[dict[str, Any]]:
        """Every version, with its end: the versions that were told, joined with the ends that were told later."""
        key = [*self.key(table), "trw_from_position"]
        rows = self.rows(table)
        ends = {tuple(row[name] for name in key): row for row in rows if row["trw_change"] == "ended"}
        versions = [row for row in rows if row["trw_change"] == "version"]
        assert len(ends) == sum(row["trw_change"] == "ended" for row in rows), "an end was told twice"
        for version in versions:
            end = ends.pop(tuple(version[name] for name in key), None) if version["trw_to_position"] is None else None
            if end:
                version |= {name: end[name] for name in OF_AN_END}
            for name, text in json.loads(version["trw_not_in_parquet"] or "{}").items():
                version[name] = text
        assert not ends, "an end of a version that was never told"
        return versions


OF_AN_END = ("trw_to_position", "trw_known_to", "trw_to_after", "trw_ended_by")


def newest_series(folder: Path) -> Sets:
    """The sets of the newest series below a folder; each begins where the one before it ended."""
    manifests = [(path.parent, json.loads(path.read_text())) for path in folder.glob("*/datapackage.json")]
    newest = max(package["changes"]["series"] for _, package in manifests)
    series = [one for one in manifests if one[1]["changes"]["series"] == newest]
    series.sort(key=lambda one: one[1]["changes"]["number"])
    position = None
    for number, (_, package) in enumerate(series, 1):
        assert package["changes"]["number"] == number
        assert package["changes"]["from_position"] == position
        position = package["changes"]["before_position"]
    return Sets(series)
