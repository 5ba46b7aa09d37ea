"""The lineage of a whole project: of each column of each model, the columns that it is made of.

It is read from the SQL that dbt compiled, once per build, and kept in the ledger with the build: a delivery checks its
contract against what it was built from, without dbt and without reading SQL again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from warehouse.core.lineage.flows import Flow, Flows, Kind, Origin

VERSION_COLUMNS: Final = (
    *(
        "known_from",
        "known_to",
        "operation",
        "ended_by",
        "from_xid",
        "to_xid",
        "began_after",
        "ended_after",
        "epoch_id",
    ),
)
"""What the views of versions have before the columns of a table; open."""

_READ: Final = ("model", "seed", "source")
_MARK: Final = re.compile(r"released:\s*(\w*)")
_OWN: Final = "teaching_record_warehouse"

_UNKNOWN: Final[Flows] = frozenset({Flow(Origin("?", "?"))})
"""Of a column of a model that is not understood: from something that may be anything."""

Facts = Mapping[str, Any]
"""A node of dbt's manifest, as its JSON has it."""


@dataclass(frozen=True)
class Column:
    """A column of a relation.

    Attributes:
        terms: the docs blocks that its description names.
        stated: the class that its own YAML gives, in seeds and sources without a file of classes; None without one.
        flows: what it is made of; nothing for a column of a source or a seed.
    """

    terms: tuple[str, ...] = ()
    stated: str | None = None
    flows: Flows = frozenset()


@dataclass(frozen=True)
class Related:
    """A relation with its columns.

    Attributes:
        place: such as "marts.dim_person"; "trs.persons" for a source.
        kind: "model", "seed" or "source".
        digest: of a model, of all that its flows were read from; empty where they were not.
    """

    place: str
    name: str
    kind: str
    columns: Mapping[str, Column]
    digest: str = ""


@dataclass(frozen=True)
class Lineage:
    """Every relation, each after those that it is made of.

    Attributes:
        unread: of each model whose SQL is not understood, why.
    """

    relations: Sequence[Related]
    unread: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """As the ledger keeps it."""
        return {
            "relations": [
                {
                    "place": one.place,
                    "name": one.name,
                    "kind": one.kind,
                    "digest": one.digest,
                    "columns": {
                        name: [
                            list(column.terms),
                            column.stated,
                            [_flow_as_json(flow) for flow in sorted(column.flows)],
                        ]
                        for name, column in one.columns.items()
                    },
                }
                for one in self.relations
            ],
            "unread": dict(self.unread),
        }

    @classmethod
    def of_json(cls, kept: Facts) -> Lineage:
        """The lineage that the ledger kept."""
        return cls(
            [
                Related(
                    one["place"],
                    one["name"],
                    one["kind"],
                    {
                        name: Column(tuple(terms), stated, frozenset(map(_flow_of_json, flows)))
                        for name, (terms, stated, flows) in one["columns"].items()
                    },
                    one["digest"],
                )
                for one in kept["relations"]
            ],
            kept["unread"],
        )


def _flow_as_json(flow: Flow) -> list[Any]:
    against = [[origin.relation, origin.column] for origin in flow.against]
    return [flow.origin.relation, flow.origin.column, flow.kind.value, flow.through, against]


def _flow_of_json(kept: Sequence[Any]) -> Flow:
    relation, column, kind, through, against = kept
    return Flow(Origin(relation, column), Kind(kind), through, tuple(Origin(*one) for one in against))


def read_project(
    manifest: Facts,
    replicated: Mapping[str, Mapping[str, str]],
    prefix: str = "",
    dialect: str = "postgres",
    before: Lineage | None = None,
) -> Lineage:
    """The lineage of a compiled project.

    Args:
        manifest: dbt's, with the compiled SQL of every model: `nodes`, `sources` and `macros` as its JSON has them.
        replicated: the columns of each replicated table.
        prefix: of the schemas in which the models are made.
        dialect: of the compiled SQL, as sqlglot calls it.
        before: an earlier lineage, whose flows are taken over where the SQL is the same.
    """
    known = {one.digest: one for one in before.relations if one.digest} if before else {}
    related: dict[str, Related] = {}
    at: dict[str, tuple[str, str]] = {}
    unread: dict[str, str] = {}
    for unique_id, source in manifest["sources"].items():
        related[unique_id], at[unique_id] = _source(source, replicated), (source["schema"], source["name"])
    forged = _Forged(manifest)
    for node in _in_order(manifest["nodes"]):
        unique_id = node["unique_id"]
        at[unique_id] = (node["schema"], node["alias"])
        place = f"{node['schema'].removeprefix(prefix)}.{node['alias']}"
        if node["resource_type"] == "seed":
            related[unique_id] = Related(place, node["name"], "seed", _listed(node))
            continue
        above = [one for one in node["depends_on"]["nodes"] if one.split(".")[0] in _READ]
        readable = {at[one]: (related[one].place, list(related[one].columns)) for one in above}
        sql = node.get("compiled_code") or ""
        digest = _digest(dialect, sql, readable)
        flows, problem = _flows(sql, readable, dialect, known.get(digest))
        problem = forged(node) or problem
        if problem:
            unread[place], digest = problem, ""
            flows = dict.fromkeys(node["columns"], _UNKNOWN)
        related[unique_id] = Related(
            place,
            node["name"],
            "model",
            {name: Column(_terms(node["columns"].get(name)), None, own) for name, own in flows.items()},
            digest,
        )
    return Lineage(list(related.values()), unread)


def _flows(
    sql: str, readable: Mapping[tuple[str, str], tuple[str, list[str]]], dialect: str, before: Related | None
) -> tuple[dict[str, Flows], str]:
    """What each column of a query is made of, and why it could not be read; empty when it could."""
    if before is not None:
        return {name: column.flows for name, column in before.columns.items()}, ""
    from warehouse.core.lineage.query import Unreadable, read  # noqa: PLC0415 - only changed SQL is read

    try:
        return read(sql, readable, dialect), ""
    except Unreadable as error:
        return {}, str(error)


def _digest(dialect: str, sql: str, readable: Mapping[tuple[str, str], tuple[str, list[str]]]) -> str:
    return hashlib.sha256(repr((_reader(), dialect, sql, sorted(readable.items()))).encode()).hexdigest()


@lru_cache(maxsize=1)
def _reader() -> str:
    """What reads: with another version of it, everything is read again."""
    own = [Path(__file__).with_name(name).read_bytes() for name in ("query.py", "flows.py")]
    return hashlib.sha256(b"".join([version("sqlglot").encode(), *own])).hexdigest()


def _source(source: Facts, replicated: Mapping[str, Mapping[str, str]]) -> Related:
    place = f"{source['source_name']}.{source['name']}"
    if source["source_name"] not in ("trs", "trs_versions"):
        return Related(place, source["name"], "source", _listed(source))
    # Their classes are looked up when they are asked for: replication/trs.yml may have changed since the build.
    names = [*(VERSION_COLUMNS if source["source_name"] == "trs_versions" else ()), *replicated.get(source["name"], ())]
    return Related(place, source["name"], "source", {name: Column() for name in names})


def _listed(node: Facts) -> dict[str, Column]:
    """The columns that a seed's or a source's YAML lists, each with the class that it states (`meta: {class: …}`)."""
    return {
        name: Column(
            (), (column.get("meta") or {}).get("class") or (column.get("config") or {}).get("meta", {}).get("class")
        )
        for name, column in node["columns"].items()
    }


def _terms(column: Facts | None) -> tuple[str, ...]:
    return tuple((column or {}).get("doc_blocks") or ())


def _in_order(nodes: Mapping[str, Facts]) -> Iterable[Facts]:
    """Seeds and models, each after those that it reads."""
    waiting = {key: node for key, node in nodes.items() if node["resource_type"] in ("model", "seed")}
    while waiting:
        ready = [
            key
            for key, node in waiting.items()
            if not any(one in waiting for one in node.get("depends_on", {}).get("nodes", ()))
        ]
        assert ready, "dbt refuses models that read each other"
        for key in ready:
            yield waiting.pop(key)


class _Forged:
    """Says of a model whether it has the mark of a release that no macro of that name wrote."""

    def __init__(self, manifest: Facts) -> None:
        self._macros = manifest["macros"]
        self._wrong = {
            key: mark
            for key, macro in self._macros.items()
            for mark in _MARK.findall(macro["macro_sql"])
            if macro["package_name"] != _OWN or macro["name"].split("__")[-1] != mark
        }

    def __call__(self, node: Facts) -> str:
        used = self._used(node)
        if _MARK.search(node.get("raw_code") or ""):
            return "it writes the mark of a release itself"
        if wrong := sorted(used & set(self._wrong)):
            return f"the macro {wrong[0].split('.')[-1]} writes the mark of another release"
        names = {self._macros[one]["name"].split("__")[-1] for one in used if one in self._macros}
        for mark in _MARK.findall(node.get("compiled_code") or ""):
            if mark not in names:
                return "it has the mark of a release whose macro it does not call"
        return ""

    def _used(self, node: Facts) -> set[str]:
        found: set[str] = set()
        waiting = list(node["depends_on"]["macros"])
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += self._macros.get(one, {}).get("depends_on", {}).get("macros", ())
        return found
