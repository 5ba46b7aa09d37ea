"""The listed keys of a JSON column, read from replication/trs_json.yml and checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

VALUE = "(value)"
"""The key of an object's line that lets a plain value stand in the object's place."""

MOST_LEVELS = 4
"""Of objects in one another. The SQL for a rule with lists is twice as long for each."""

Tree = Mapping[str, Any]
"""Listed keys: true for plain values, another tree for objects."""

Line = dict[str, str | None]
"""Keys of an object as the file has them, each with the name of the object that it is, or None."""


@dataclass(frozen=True)
class JsonRule:
    """What of a JSON column is replicated.

    Attributes:
        by: the column of the same row that says of which kind the JSON is; None: every row has the keys of `always`.
        always: the tree of a kind that `kinds` does not have.
        kinds: the whole tree of each kind.
        lists: a list of objects may stand in the place of an object.
    """

    always: Tree
    by: str | None = None
    kinds: Mapping[str, Tree] = field(default_factory=dict)
    lists: bool = False

    @property
    def levels(self) -> int:
        """How many objects stand in one another at the most."""
        return max(map(_levels, (self.always, *self.kinds.values())))

    @property
    def text(self) -> str:
        """The rule as JSON, the same for the same rule."""
        return json.dumps(vars(self), sort_keys=True)

    @property
    def digest(self) -> str:
        """By which a changed rule is noticed."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class _Column(BaseModel):
    """A rule as it is written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: str | None = None
    always: Line = {}
    kinds: dict[str, Line] = {}
    keys: Line = {}
    lists: bool = False

    @field_validator("kinds", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        return {str(kind): keys for kind, keys in value.items()} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _one_form(self) -> _Column:
        if bool(self.by) != bool(self.kinds) or (self.by and self.keys) or (self.always and not self.by):
            raise ValueError("a rule has either `keys`, or `by`, `always` and `kinds`")
        return self


class JsonFile(BaseModel):
    """The whole file.

    Attributes:
        left_behind: keys without a line, each with the reason; a test compares them with the source's events.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    objects: dict[str, Line] = {}
    left_behind: dict[str, str] = {}
    columns: dict[str, _Column] = {}

    @model_validator(mode="after")
    def _objects_exist(self) -> JsonFile:
        for name, column in self.columns.items():
            for line in (column.always, column.keys, *column.kinds.values()):
                if _levels(self._tree(line, (name,))) > MOST_LEVELS:
                    raise ValueError(f"{name} lists objects more than {MOST_LEVELS} levels deep")
        return self

    def rule(self, name: str) -> JsonRule:
        """The rule of a name.

        Raises:
            KeyError: there is none.
        """
        column = self.columns[name]
        kinds = {kind: self._tree({**column.always, **line}, (name,)) for kind, line in column.kinds.items()}
        return JsonRule(self._tree(column.keys or column.always, (name,)), column.by, kinds, column.lists)

    def _tree(self, line: Line, inside: tuple[str, ...]) -> Tree:
        return {key: True if name is None else self._object(name, inside) for key, name in line.items()}

    def _object(self, name: str, inside: tuple[str, ...]) -> Tree:
        if name not in self.objects:
            raise ValueError(f"there is no object {name}")
        if name in inside:
            raise ValueError(f"the object {name} is inside itself")
        return self._tree(self.objects[name], (*inside, name))


def _levels(tree: Tree) -> int:
    return 1 + max((_levels(below) for below in tree.values() if isinstance(below, Mapping)), default=0)
