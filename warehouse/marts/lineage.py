"""No build is published with a column that is classified lower than what it is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import psycopg

from warehouse.core import builds
from warehouse.core.classes import Classes
from warehouse.core.lineage import kept
from warehouse.core.lineage.check import BY_LINEAGE, Judge, by_reason, check
from warehouse.core.lineage.flows import Origin
from warehouse.core.lineage.project import Facts, Lineage, read_project
from warehouse.marts.candidate import PREFIX
from warehouse.marts.nodes import Node

_ANY_DAY = date(2000, 1, 1)


def check_built(
    connection: psycopg.Connection, build_id: int, manifest: Any, compiled: Mapping[str, str], today: date
) -> Lineage:
    """Read what the columns of a build are made of, check their classes, and keep it with the build; returns it.

    Args:
        manifest: dbt's own object.
        compiled: the SQL of each model, by dbt's identifier.
        today: the day that the build is as at.

    Raises:
        ClassTooLow: a column is classified lower than what it is made of, or a model's SQL is not understood.
    """
    # Which day stands in a model's SQL says nothing of what its columns are made of: what was read yesterday holds.
    compiled = {key: sql.replace(today.isoformat(), _ANY_DAY.isoformat()) for key, sql in compiled.items()}
    published, classes = builds.published(connection), Classes()
    before = kept.of(connection, published.build_id) if published else None
    made = read_project(facts(manifest, compiled), classes.replicated_columns, PREFIX, before=before)
    check(made, classes, by_reason(today))
    kept.keep(connection, build_id, made)
    return made


def check_kept(connection: psycopg.Connection, build_id: int, today: date) -> Lineage:
    """Check the classes of today against what the columns of the published build are made of; returns that.

    Raises:
        ClassTooLow: a column is classified lower than that.
    """
    made = kept.of(connection, build_id)
    assert made is not None, "a build without it is built again"
    check(made, Classes(), by_reason(today))
    return made


def classified(made: Lineage, nodes: Sequence[Node], today: date) -> list[Node]:
    """The nodes of a build, those without terms with the classes of what their columns are made of."""
    judge = Judge(made, Classes(), by_reason(today))
    found = {
        relation.place: {name: judge.least(Origin(relation.place, name)) for name in relation.columns}
        for relation in made.relations
        if relation.place.startswith(f"{BY_LINEAGE}.")
    }
    return [replace(node, classes=found[node.place]) if node.place in found else node for node in nodes]


def facts(manifest: Any, compiled: Mapping[str, str]) -> Facts:
    """What lineage asks of a manifest, from dbt's own object."""
    nodes = {
        unique_id: {
            "unique_id": unique_id,
            "resource_type": str(node.resource_type),
            "name": node.name,
            "alias": node.alias,
            "schema": node.schema,
            "columns": {name: column.to_dict() for name, column in node.columns.items()},
            "depends_on": {"nodes": list(node.depends_on_nodes), "macros": list(node.depends_on.macros)},
            "raw_code": node.raw_code,
            "compiled_code": compiled.get(unique_id),
        }
        for unique_id, node in manifest.nodes.items()
        if node.resource_type in ("model", "seed")
    }
    sources = {
        unique_id: {
            "source_name": source.source_name,
            "name": source.name,
            "schema": source.schema,
            "columns": {name: column.to_dict() for name, column in source.columns.items()},
        }
        for unique_id, source in manifest.sources.items()
    }
    macros = {
        unique_id: {
            "name": macro.name,
            "package_name": macro.package_name,
            "macro_sql": macro.macro_sql,
            "depends_on": {"macros": list(macro.depends_on.macros)},
        }
        for unique_id, macro in manifest.macros.items()
    }
    return {"nodes": nodes, "sources": sources, "macros": macros}
