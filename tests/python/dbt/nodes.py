"""What the tests of the dbt project ask of a node of its manifest."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docs import columns

Node = dict[str, Any]


def layer_of(node: Node) -> str:
    return str(Path(node["original_file_path"]).parts[1]) if node["resource_type"] == "model" else "seeds"


def in_layers(models: list[Node], *layers: str) -> list[Node]:
    return [m for m in models if layer_of(m) in layers]


def of_trs(models: list[Node]) -> list[Node]:
    """The staging models of the replica; there are others, of the ledger."""
    return [m for m in in_layers(models, "staging") if m["name"].startswith("stg_trs__")]


def columns_of(models: list[Node]) -> list[tuple[Node, Node]]:
    return [(m, c) for m in models for c in m["columns"].values()]


def block_of(column: Node) -> str:
    """The term that a column's description names."""
    (block,) = column["doc_blocks"]
    return str(block).split(".")[-1]


def code_of(node: Node) -> str:
    """The model's SQL without its comments, and with `{}` where Jinja stood."""
    sql = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "{}", node["raw_code"], flags=re.DOTALL)
    return re.sub(r"--[^\n]*", "", sql)


def is_one_macro(model: Node) -> bool:
    """Whether the whole SQL of a model is one macro: a replica of the old reporting copy."""
    return re.fullmatch(r"\{\{ legacy_replica\('\w+'\) \}\}", model["raw_code"].strip()) is not None


def selected(model: Node) -> list[str]:
    """The columns that a model's last common table expression selects, by their names."""
    return columns.selected(model["raw_code"])


def kind_of(test: Node) -> str | None:
    """Name of the generic test behind a data test; None for one that is written out."""
    kind: str | None = (test.get("test_metadata") or {}).get("name")
    return kind


def domain_of(node: Node) -> str:
    """The folder below the layer; for extracts the recipient."""
    return str(Path(node["original_file_path"]).parts[2])


def readers_of(models: list[Node], model: Node) -> list[Node]:
    return [m for m in models if model["unique_id"] in m["depends_on"]["nodes"]]
