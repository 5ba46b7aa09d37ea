"""What an analyst can ask: each mart and extract by its domain, and the questions that they answer.

All of it is read from files of the project, with no database: the YAML beside each model, the field dictionary, and
docs/questions.yml.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from warehouse.core import fast_yaml
from warehouse.core.settings import PROJECT
from warehouse.core.terms import ModelColumn, load_terms, model_columns

QUESTIONS: Final = PROJECT / "docs" / "questions.yml"
LAYERS: Final = ("marts", "extracts")


@dataclass(frozen=True)
class Question:
    """A question in words, the table that answers it, and the query that asks it."""

    words: str
    table: str
    query: str


@dataclass(frozen=True)
class Table:
    """A mart or an extract.

    Attributes:
        schema: "marts" or "extracts".
        domain: the folder of its model: of an extract the recipient.
        grain: the columns that identify a row.
    """

    schema: str
    domain: str
    name: str
    description: str
    grain: Sequence[str]
    questions: Sequence[Question] = field(default=())

    @property
    def place(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def summary(self) -> str:
        """The first sentence of the description."""
        return f"{self.description.split('. ')[0].rstrip('.')}."

    @property
    def example(self) -> str:
        """A query to begin with."""
        return self.questions[0].query if self.questions else f"select *\nfrom {self.place}\nlimit 10;"


def tables(models: Path = PROJECT / "models", questions: Path = QUESTIONS) -> list[Table]:
    """Every mart and extract, by domain and name."""
    asked = load_questions(questions)
    found = []
    for layer in LAYERS:
        for file in sorted((models / layer).glob("*/*.yml")):
            (model,) = fast_yaml.safe_load(file.read_text(encoding="utf-8"))["models"]
            name = str(model["name"])
            own = [one for one in asked if one.table == name]
            description = " ".join(str(model["description"]).split())
            grain = model["config"]["meta"]["grain"]
            found.append(Table(layer, file.parent.name, name, description, grain, own))
    return found


def columns(table: Table) -> list[ModelColumn]:
    """The columns of a table, each with its term."""
    return model_columns(table.name, load_terms())


def load_questions(file: Path = QUESTIONS) -> list[Question]:
    """The questions in the order of the file."""
    listed: list[dict[str, Any]] = fast_yaml.safe_load(file.read_text(encoding="utf-8"))["questions"]
    return [Question(one["question"], one["table"], one["query"].rstrip()) for one in listed]


def near_names(name: str, known: Iterable[str], most: int = 3) -> list[str]:
    """The known names that somebody may have meant by one that is not known, the most similar first.

    Spelled nearly the same, or with words in common: `status_type` is near to `professional_status`.
    """
    names = list(dict.fromkeys(known))
    asked = _words(name)
    # The word that a name begins with says most of what it is about.
    weight = {word: 1 / (place + 10) for place, word in enumerate(asked)}
    shared = {
        one: sum(weight[word] for word in asked if word in _words(one)) / len({*asked, *_words(one)}) for one in names
    }
    worded = sorted(
        (one for one in names if shared[one]),
        key=lambda one: (-shared[one], -difflib.SequenceMatcher(None, name.lower(), one).ratio()),
    )
    return list(dict.fromkeys([*difflib.get_close_matches(name.lower(), names, most, 0.8), *worded]))[:most]


def _words(name: str) -> list[str]:
    """The words of a name that say something, in their order; the schema is none."""
    words = [word.rstrip("s") for word in re.split(r"[_\W]+", name.lower().rpartition(".")[2])]
    return [word for word in dict.fromkeys(words) if word not in _COMMON]


_COMMON: Final = {"", "i", "ha", "dim", "fct", "stg", "tr", "int", "id", "of", "by", "the"}
"""Words of so many names that they say nothing, each without its s."""
