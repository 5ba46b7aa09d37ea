"""A contract's file as YAML, and as the standard's JSON schema wants it."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import yaml
from open_data_contract_standard.model import OpenDataContractStandard

from warehouse.core import fast_yaml
from warehouse.core.contracts.gaps import MARK, gaps
from warehouse.core.errors import ContractError
from warehouse.core.settings import near

_LONGEST = 200
_KEPT = 64
"""Contracts whose reading is kept for the next time; as many as a project is likely to have, and more."""


class _OneOfEachKey(fast_yaml.SafeLoader):  # type: ignore[misc]
    """YAML without PyYAML's habit of letting the second of two equal keys win in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"`{key_node.value}` is there twice", key_node.start_mark
                )
            seen.add(key_node.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def contract_error(path: Path, problems: list[str]) -> ContractError:
    """All that is wrong with a file, in one error."""
    return ContractError(
        f"{near(path)}: " + "; ".join(problems) + ".",
        meaning="Nothing was sent and nothing was changed.",
        next_command=f"Correct {near(path)}, then run the same command again.",
    )


@lru_cache(maxsize=1)
def _validator() -> Any:
    standard = files("open_data_contract_standard") / "schema.json"
    return jsonschema.Draft201909Validator(json.loads(standard.read_text(encoding="utf-8")))


def _place(error: Any) -> str:
    return str(error.json_path).removeprefix("$.") if error.json_path != "$" else "the contract"


def read(path: Path) -> tuple[OpenDataContractStandard, bytes]:
    """Read a contract and hold it against the standard.

    Returns:
        The contract as the standard's own model, and the bytes of the file.

    Raises:
        ContractError: unreadable, not YAML, with gaps that are not filled yet, or not as the standard says; names
            each place in the file.
    """
    content = read_bytes(path)
    root, document = _parse(path, content)
    if unfilled := list(gaps(root)):
        raise ContractError(
            f"{near(path)} has {len(unfilled)} gaps that a person still has to fill: {'; '.join(unfilled)}.",
            meaning="It is no contract yet. Nothing was sent and nothing was changed.",
            next_command=f"Write each of them in {near(path)} in the place of `{MARK}`, then run "
            "`warehouse contract check`.",
        )
    # The pydantic models ignore names that they do not know, so a misspelt `required` would be no rule at all.
    if errors := _departures(path, content):
        raise contract_error(path, list(errors))
    return OpenDataContractStandard.model_validate(document), content


@lru_cache(maxsize=_KEPT)
def _departures(path: Path, content: bytes) -> tuple[str, ...]:
    """Where a contract is not as the standard says: a run asks several times, and to look takes most of the reading."""
    _, document = _parse(path, content)
    errors = sorted(_validator().iter_errors(document), key=lambda error: list(map(str, error.absolute_path)))
    return tuple(f"{_place(error)}: {error.message[:_LONGEST]}" for error in errors)


def read_bytes(path: Path) -> bytes:
    """The content of a contract's file.

    Raises:
        ContractError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise contract_error(path, [f"it cannot be read ({error.strerror})"]) from None


def compose(path: Path, content: bytes) -> yaml.Node:
    """A contract as YAML alone: its nodes, with their places in the text.

    Raises:
        ContractError: it is not YAML.
    """
    _parse(path, content)
    # The C parser counts places in another way where a text begins with a byte order mark.
    root = yaml.compose(content.decode("utf-8"), Loader=yaml.SafeLoader)
    assert root is not None, "it was a mapping for the C parser"
    return root


@lru_cache(maxsize=_KEPT)
def _parse(path: Path, content: bytes) -> tuple[yaml.Node, dict[Any, Any]]:
    """Neither of the two is changed by whoever gets it: they are kept."""
    try:
        loader = _OneOfEachKey(content.decode("utf-8"))
        root = loader.get_single_node()
        document = loader.construct_document(root) if root else None
    except UnicodeDecodeError:
        raise contract_error(path, ["it is not in UTF-8"]) from None
    except yaml.YAMLError as error:
        raise contract_error(path, [_not_yaml(content, error)]) from None
    if root is None or not isinstance(document, dict):
        raise contract_error(path, ["it is not a contract: the top must be a mapping"])
    return root, document


def _not_yaml(content: bytes, error: yaml.YAMLError) -> str:
    """What is wrong and where: the C parser often names the line after the one that a person has to look at."""
    if not isinstance(error, yaml.constructor.ConstructorError):
        try:
            yaml.compose(content.decode("utf-8"), Loader=yaml.SafeLoader)
        except yaml.YAMLError as said:
            error = said
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}: " if mark else ""
    return f"{where}{getattr(error, 'problem', None) or 'it is not YAML'}"
