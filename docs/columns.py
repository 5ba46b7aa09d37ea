"""Writes into the YAML of a model what follows from its SQL and the field dictionary: each column that it selects.

dbt needs a column's name, type and description in the YAML beside an enforced contract, and can take neither from
anywhere else (docs/adr/0025). A person writes the SQL and the term; `make docs` adds the column where it belongs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from warehouse.core import fast_yaml
from warehouse.core.errors import TermsError
from warehouse.core.settings import PROJECT
from warehouse.core.terms import Term, load_terms, written_type

LAYERS = ("intermediate", "marts", "extracts")


def selected(sql: str) -> list[str]:
    """The names of the columns that a model's last common table expression, `final`, selects."""
    without = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "{}", sql, flags=re.DOTALL)
    # A text may have any word in it, and a comma.
    body = re.sub(r"--[^\n]*|'[^']*'", "", without).rpartition("final as (")[2].partition("select")[2]
    items, depth, item = [], 0, ""
    for word in re.findall(r"\bcase\b|\bend\b|[\w.]+|\S|\s+", body):
        depth += {"(": 1, "case": 1, ")": -1, "end": -1}.get(word, 0)
        if depth == 0 and word in ("from", ","):
            items.append(item)
            item = ""
            if word == "from":
                break
        else:
            item += word
    return [re.split(r"[\s.]", one.strip())[-1] for one in items]


def completed(sql: str, described: str, terms: Mapping[str, Term]) -> str:
    """The YAML of a model with every column that its SQL selects; what is there already stays as it is.

    Raises:
        TermsError: a column that is not in the YAML has no term of its name.
    """
    (model,) = fast_yaml.safe_load(described)["models"]
    present = [column["name"] for column in model.get("columns") or []]
    is_typed = bool((model["config"].get("contract") or {}).get("enforced"))
    before = None
    for name in selected(sql):
        if name not in present and name != "*":
            if name not in terms:
                raise TermsError(
                    f"`{name}` of {model['name']} is no term of the field dictionary.",
                    meaning="Nobody could say what it means or how sensitive it is. Its YAML was not changed.",
                    next_command="Add it to a page of models/field_dictionary/, then run `make docs`.",
                )
            described = _inserted(described, before, _entry(terms[name], is_typed=is_typed))
        before = name
    return described


def complete() -> dict[Path, str]:
    """The YAML of each model below staging with every column that the model selects, by file."""
    terms = load_terms()
    files = [file for layer in LAYERS for file in sorted((PROJECT / "models" / layer).rglob("*.sql"))]
    return {
        file.with_suffix(".yml"): completed(
            file.read_text(encoding="utf-8"), file.with_suffix(".yml").read_text(encoding="utf-8"), terms
        )
        for file in files
    }


def _entry(term: Term, *, is_typed: bool) -> str:
    written = written_type(term.type)
    quoted = f'"{written}"' if "{" in written else written
    type_ = f"        data_type: {quoted}\n" if is_typed else ""
    return f"      - name: {term.name}\n{type_}        description: '{{{{ doc(\"{term.name}\") }}}}'\n"


def _inserted(described: str, before: str | None, entry: str) -> str:
    """The entry behind that of the column `before`, or as the first one."""
    if before is None:
        return described.replace("    columns:\n", f"    columns:\n{entry}", 1)
    found = re.search(rf"^      - name: {before}\n(?:        .*\n)*", described, re.MULTILINE)
    assert found, f"{before} is not in a block of its own"
    return described[: found.end()] + entry + described[found.end() :]
