"""How sensitive a column of a model is: from replication/trs.yml in staging, from the field dictionary elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from warehouse.core import fast_yaml
from warehouse.core.settings import PROJECT
from warehouse.core.terms import Term, load_terms

REPLICATED: Final = PROJECT / "replication" / "trs.yml"

# A staging model has the name of its table after this.
STAGED: Final = "stg_trs__"


class Classes:
    """The class of each column of each model. What neither file says is sensitive.

    Attributes:
        schema: where the replica's tables are.
    """

    def __init__(self, terms: Mapping[str, Term] | None = None, replicated: Path = REPLICATED) -> None:
        self._terms = load_terms() if terms is None else terms
        file = fast_yaml.safe_load(replicated.read_text(encoding="utf-8"))
        self.schema, self._tables = str(file["schema"]), file["tables"]

    @property
    def replicated_columns(self) -> dict[str, dict[str, str]]:
        """The class of each replicated column of each replicated table."""
        return {
            table: {
                name: line["class"] if isinstance(line, dict) else line
                for name, line in entry["columns"].items()
                if not (isinstance(line, dict) and line.get("replicate") is False)
            }
            for table, entry in self._tables.items()
            if entry.get("replicate") is not False
        }

    def of(self, model: str, column: str, doc_blocks: Collection[str] = ()) -> str:
        """The class of a column: "open", "personal" or "sensitive".

        Args:
            doc_blocks: the blocks that dbt found in its description, such as "doc.teaching_record_warehouse.trn".
        """
        return self.stated(model, column, doc_blocks) or "sensitive"

    def stated(self, model: str, column: str, doc_blocks: Collection[str] = ()) -> str | None:
        """The class that one of the files gives; None where neither does. Arguments as for `of`."""
        if model.startswith(STAGED):
            raw = self._line(model, column)
            found = raw.get("class") if isinstance(raw, dict) else raw
            return str(found) if found else None
        term = self._term(column, doc_blocks)
        return term.classification if term else None

    def is_quasi_identifier(self, model: str, column: str, doc_blocks: Collection[str] = ()) -> bool:
        """Whether a column singles a person out together with other such columns. Arguments as for `of`."""
        if model.startswith(STAGED):
            raw = self._line(model, column)
            return isinstance(raw, dict) and bool(raw.get("quasi_identifier"))
        term = self._term(column, doc_blocks)
        return term is not None and term.quasi_identifier

    def replicated(self, classification: str) -> dict[str, list[str]]:
        """The replicated columns of a class, by table."""
        named = {
            table: [name for name, given in columns.items() if given == classification]
            for table, columns in self.replicated_columns.items()
        }
        return {table: names for table, names in named.items() if names}

    def _line(self, model: str, column: str) -> Any:
        return self._tables.get(model.removeprefix(STAGED), {}).get("columns", {}).get(column)

    def _term(self, column: str, doc_blocks: Collection[str]) -> Term | None:
        names = [block.split(".")[-1] for block in doc_blocks] or [column]
        found = [self._terms[name] for name in names if name in self._terms]
        return found[0] if len(found) == 1 else None
