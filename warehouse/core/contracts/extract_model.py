"""What is known of an extract's model, as far as a contract repeats it for the receiver.

It is read from the model's YAML and the field dictionary: dbt, which takes ten seconds to parse the project, is not
needed for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse.core import fast_yaml, terms
from warehouse.core.contracts.place import ExtractName
from warehouse.core.contracts.types import parse_type
from warehouse.core.errors import ContractError
from warehouse.core.settings import near
from warehouse.core.terms import Term

_PHYSICAL = {"string": "text", "timestamp": "timestamp with time zone"}
"""PostgreSQL's names of the types that the field dictionary calls otherwise."""


@dataclass(frozen=True)
class ModelColumn:
    """A column of an extract's model.

    Attributes:
        description: the meaning of its term, without line breaks.
        classification: "open", "personal" or "sensitive".
        physical_type: a PostgreSQL type.
        required: whether a test or a constraint of the model allows no null; False where that is not known.
        quasi_identifier: whether it singles a person out together with other such columns.
    """

    name: str
    description: str
    classification: str
    physical_type: str
    required: bool
    quasi_identifier: bool = False


@dataclass(frozen=True)
class ExtractModel:
    """A dbt model in `models/extracts/`.

    Attributes:
        name: `<recipient>_<extract>`, which is its table in the schema `extracts`.
        description: without line breaks.
        grain: the columns that tell one row from another.
    """

    name: str
    description: str
    grain: tuple[str, ...]
    columns: tuple[ModelColumn, ...]


def extract_model(extract: ExtractName, dictionary: dict[str, Term], folder: Path = terms.MODELS) -> ExtractModel:
    """The model of an extract.

    Args:
        dictionary: every term, as `load_terms` gives them.
        folder: with the models.

    Raises:
        ContractError: there is no such model, or it does not say what its columns are.
        TermsError: a column is no term of the field dictionary.
    """
    name = extract.model
    file = folder / "extracts" / extract.recipient / f"{name}.yml"
    if not file.is_file():
        raise _wrong(f"There is no model {name} ({near(file)}).", f"Write the model first{_others(folder)}")
    columns = terms.model_columns(name, dictionary, file.parent)
    entry = fast_yaml.safe_load(file.read_text(encoding="utf-8"))["models"][0]
    config = entry.get("config") or {}
    if not columns or not (config.get("contract") or {}).get("enforced"):
        what = "lists no columns" if not columns else "enforces no contract"
        raise _wrong(
            f"{near(file)} {what}, so it is not certain what {name} holds.",
            f"Add `contract: {{enforced: true}}` and every column to {near(file)}",
        )
    grain = tuple((config.get("meta") or {}).get("grain") or ())
    return ExtractModel(
        name=name,
        description=_one_line(str(entry.get("description", ""))),
        grain=grain,
        columns=tuple(
            ModelColumn(
                name=column.name,
                description=_one_line(column.term.meaning),
                classification=column.term.classification,
                physical_type=_physical(file, column.name, column.data_type or column.term.type),
                required=_forbids_null(written, grain),
                quasi_identifier=column.term.quasi_identifier,
            )
            for column, written in zip(columns, entry["columns"], strict=True)
        ),
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _physical(file: Path, column: str, data_type: str) -> str:
    physical = _PHYSICAL.get(data_type, data_type)
    if parse_type(physical) is None:
        raise _wrong(f"{near(file)}: {column} is of type {data_type}, which no file can carry.", "Cast it")
    return physical


def _forbids_null(column: dict[str, Any], grain: tuple[str, ...]) -> bool:
    """Whether no row may be null: what the test as_described only warns of does not count."""
    meta = (column.get("config") or {}).get("meta") or {}
    constraints = [one.get("type") for one in column.get("constraints") or []]
    is_required = bool(meta.get("required")) and "required" not in (meta.get("warns") or {})
    return column["name"] in grain or is_required or "not_null" in constraints


def _others(folder: Path) -> str:
    found = sorted(file.stem for file in (folder / "extracts").glob("*/*.yml"))
    return f" (there are {', '.join(found)})" if found else ""


def _wrong(what: str, then: str) -> ContractError:
    return ContractError(
        what,
        meaning="Nothing was written.",
        next_command=f"{then}, then run the same command again.",
    )
