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

from warehouse.core.errors import ContractError
from warehouse.core.settings import PROJECT

_LONGEST = 200


class _OneOfEachKey(yaml.SafeLoader):
    """YAML without PyYAML's habit of letting the second of two equal keys win in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"`{key_node.value}` stands there twice", key_node.start_mark
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def shown(path: Path) -> str:
    """A file's name as a person would type it."""
    return str(path.relative_to(PROJECT)) if path.is_relative_to(PROJECT) else str(path)


def contract_error(path: Path, problems: list[str]) -> ContractError:
    """All that is wrong with a file, in one error."""
    return ContractError(
        f"{shown(path)}: " + "; ".join(problems) + ".",
        meaning="No delivery was started and nothing was sent.",
        next_command=f"Correct {shown(path)}, then run `warehouse deliver`.",
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
        ContractError: unreadable, not YAML, or not as the standard says; names each place in the file.
    """
    try:
        content = path.read_bytes()
        document = yaml.load(content, Loader=_OneOfEachKey)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise contract_error(path, [f"it cannot be read ({error.strerror})"]) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise contract_error(path, [f"{where}{getattr(error, 'problem', None) or 'it is not YAML'}"]) from None
    if not isinstance(document, dict):
        raise contract_error(path, ["it is not a contract: the top must be a mapping"])
    # The pydantic models ignore names that they do not know, so a misspelt `required` would be no rule at all.
    errors = sorted(_validator().iter_errors(document), key=lambda error: list(map(str, error.absolute_path)))
    if errors:
        raise contract_error(path, [f"{_place(error)}: {error.message[:_LONGEST]}" for error in errors])
    return OpenDataContractStandard.model_validate(document), content
