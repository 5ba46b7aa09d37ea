"""The field dictionary: what each column of a model means, its class and its type, in one place.

A term is a docs block of models/field_dictionary/, which dbt reads as it is. Its first line is a Jinja comment that dbt
leaves out, with the type and the class, `quasi-identifier` where it singles a person out together with other such
columns, and a reason where the class is lower than that of the same name in the source:

    {% docs trn %}
    {# string, personal #}
    Teacher reference number: exactly seven digits as text.
    {% enddocs %}

A column of a model has the term that its description names, `{{ doc("trn") }}`. That is nearly always its own name;
`start_date` of an alert and of an employment are two terms, though.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

import yaml

from warehouse.core import fast_yaml
from warehouse.core.errors import TermsError
from warehouse.core.settings import PROJECT, near

MODELS: Final = PROJECT / "models"
FOLDER: Final = MODELS / "field_dictionary"

TermClass = Literal["open", "personal", "sensitive"]

# dbt's names, which both databases understand; `timestamp` is a point in time on both (`timestamptz` in PostgreSQL).
TYPES: Final = re.compile(r"string|integer|bigint|boolean|date|timestamp|numeric\(\d+, \d+\)")

_BLOCK: Final = re.compile(r"{%-?\s*docs\s+(\w+)\s*-?%}(.*?){%-?\s*enddocs\s*-?%}", re.DOTALL)
_FACTS: Final = re.compile(
    r"\s*{#\s*(?P<type>[^:#]+?),\s*(?P<class>\w+)\s*(?:,\s*(?P<quasi>quasi-identifier)\s*)?"
    r"(?::\s*(?P<because>[^#]+?))?\s*#}(?P<meaning>.*)",
    re.DOTALL,
)
_NAMED: Final = re.compile(r"{{\s*doc\(\s*['\"](\w+)['\"]\s*\)\s*}}")
# How the YAML of a model writes a type that the two databases spell differently.
_BOTH: Final = re.compile(r"{{ '(?P<bigquery>[^']+)' if target\.type == 'bigquery' else '(?P<postgres>[^']+)' }}")


@dataclass(frozen=True)
class Term:
    """One term.

    Attributes:
        type: dbt's name of the type, such as "string" or "numeric(5, 2)".
        meaning: as dbt writes it into column comments, line breaks included.
        because: why the class is lower than that of a column of the same name in the source; None where it is not.
        page: the page of the dictionary, such as "person".
        quasi_identifier: whether it singles a person out together with other such columns.
    """

    name: str
    classification: TermClass
    type: str
    meaning: str
    because: str | None
    page: str
    quasi_identifier: bool = False


@dataclass(frozen=True)
class ModelColumn:
    """A column of a model with its term.

    Attributes:
        data_type: what the model's YAML says of its type, in dbt's names; None where it says nothing (no contract).
        collected: whether its values are gathered from replicated columns of several classes (its meta says so).
    """

    name: str
    term: Term
    data_type: str | None
    collected: bool = False


def load_terms(folder: Path = FOLDER) -> dict[str, Term]:
    """Every term by its name, page by page.

    Raises:
        TermsError: a block lacks its line of type and class or its meaning, or two have one name; names the place.
    """
    terms: dict[str, Term] = {}
    for page in sorted(folder.glob("*.md")):
        for name, body in _BLOCK.findall(page.read_text(encoding="utf-8")):
            if name in terms:
                raise _wrong(page, f"`{name}` is there twice")
            terms[name] = _term(page, name, body)
    return terms


def model_columns(model: str, terms: Mapping[str, Term], models: Path = MODELS) -> list[ModelColumn]:
    """The columns that a model's YAML lists, in its order, each with its term.

    Args:
        model: its name, such as "dim_person".

    Raises:
        TermsError: no such model, or a column whose description is not one term of the dictionary.
    """
    found = next(models.rglob(f"{model}.yml"), None)
    if found is None:
        raise _wrong(models / f"{model}.yml", "there is no such file")
    try:
        (entry,) = fast_yaml.safe_load(found.read_text(encoding="utf-8"))["models"]
    except (yaml.YAMLError, KeyError, TypeError, ValueError):
        raise _wrong(found, "it does not describe one model") from None
    return [_model_column(found, column, terms) for column in entry.get("columns") or []]


def has_model(model: str, models: Path = MODELS) -> bool:
    """Whether there is a YAML of that model."""
    return next(models.rglob(f"{model}.yml"), None) is not None


def _term(page: Path, name: str, body: str) -> Term:
    facts = _FACTS.fullmatch(body)
    if facts is None:
        raise _wrong(page, f"`{name}` does not begin with its type and class, such as {{# string, open #}}")
    type_, class_, meaning = facts["type"], facts["class"], facts["meaning"].strip()
    if not TYPES.fullmatch(type_):
        raise _wrong(page, f"`{name}` has the type `{type_}`, which no column of a model has")
    if class_ not in get_args(TermClass):
        raise _wrong(page, f"`{name}` has the class `{class_}`; it must be one of {', '.join(get_args(TermClass))}")
    if not meaning:
        raise _wrong(page, f"`{name}` has no meaning")
    return Term(name, cast(TermClass, class_), type_, meaning, facts["because"], page.stem, facts["quasi"] is not None)


def _model_column(file: Path, column: dict[str, Any], terms: Mapping[str, Term]) -> ModelColumn:
    named = _NAMED.fullmatch(str(column.get("description", "")).strip())
    if named is None or named[1] not in terms:
        raise _wrong(file, f"the description of `{column['name']}` is not a term of the field dictionary")
    collected = bool(((column.get("config") or {}).get("meta") or {}).get("collected"))
    return ModelColumn(column["name"], terms[named[1]], _read_type(column.get("data_type")), collected)


def written_type(type_: str) -> str:
    """A term's type as the YAML of a model writes it: for each database, where the two spell it differently."""
    if type_ == "timestamp":
        return _for_each("timestamp", "timestamptz")
    if type_.startswith("numeric"):
        # BigQuery refuses a parameterised type where dbt checks a contract.
        return _for_each("numeric", type_)
    return type_


def _for_each(bigquery: str, postgres: str) -> str:
    return f"{{{{ '{bigquery}' if target.type == 'bigquery' else '{postgres}' }}}}"


def _read_type(written: str | None) -> str | None:
    both = _BOTH.fullmatch(written or "")
    if both is None:
        return written
    return next((t for t in both.groups() if written == written_type(t)), written)


def _wrong(file: Path, what: str) -> TermsError:
    place = near(file)
    return TermsError(
        f"{place}: {what}.",
        meaning="What a column means, and how sensitive it is, is not certain. Nothing was changed.",
        next_command=f"Correct {place}, then repeat the command.",
    )
