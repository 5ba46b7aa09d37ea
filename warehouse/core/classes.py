"""How sensitive a column of a model is: from replication/trs.yml in staging, from the field dictionary elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from warehouse.core import fast_yaml
from warehouse.core.settings import PROJECT
from warehouse.core.terms import Term, load_terms

REPLICATED: Final = PROJECT / "replication" / "trs.yml"

# A staging model has the name of its table after this.
STAGED: Final = "stg_trs__"


class Classes:
    """The class of each column of each model. What neither file says is sensitive."""

    def __init__(self, terms: Mapping[str, Term] | None = None, replicated: Path = REPLICATED) -> None:
        self._terms = load_terms() if terms is None else terms
        self._tables = fast_yaml.safe_load(replicated.read_text(encoding="utf-8"))["tables"]

    def of(self, model: str, column: str, doc_blocks: Collection[str] = ()) -> str:
        """The class of a column: "open", "personal" or "sensitive".

        Args:
            doc_blocks: the blocks that dbt found in its description, such as "doc.teaching_record_warehouse.trn".
        """
        if model.startswith(STAGED):
            raw = self._tables.get(model.removeprefix(STAGED), {}).get("columns", {}).get(column)
            found = raw.get("class") if isinstance(raw, dict) else raw
            return str(found or "sensitive")
        names = [block.split(".")[-1] for block in doc_blocks] or [column]
        found = [self._terms[name].classification for name in names if name in self._terms]
        return found[0] if len(found) == 1 else "sensitive"
