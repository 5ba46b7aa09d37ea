"""Gaps of a new contract: what only a person can write, marked where it belongs until a person has written it."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

MARK = "FILL IN"
"""How the text of a gap begins; the rest of it says what is wanted."""


def gaps(root: yaml.Node) -> Iterator[str]:
    """Each gap of a contract, by its place and what is wanted: "description.purpose: why the recipient needs it"."""
    return _gaps(root, "", set())


def _gaps(node: yaml.Node, place: str, seen: set[int]) -> Iterator[str]:
    if id(node) in seen:  # an alias, which may also lead back to its own place
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        if node.value.startswith(MARK):
            wanted = " ".join(node.value.removeprefix(MARK).lstrip(": ").split())
            yield f"{place}: {wanted}" if wanted else place
    elif isinstance(node, yaml.SequenceNode):
        for position, entry in enumerate(node.value):
            yield from _gaps(entry, f"{place}{_label(entry, position)}", seen)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _gaps(value, f"{place}.{key.value}".lstrip("."), seen)


def _label(entry: yaml.Node, position: int) -> str:
    """An entry of a list by its own name where it has one: people count badly."""
    pairs = entry.value if isinstance(entry, yaml.MappingNode) else []
    names = [value.value for key, value in pairs if key.value in ("name", "property", "server", "role")]
    named = names and isinstance(names[0], str) and not names[0].startswith(MARK)
    return f"[{names[0] if named else position}]"
