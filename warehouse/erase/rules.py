"""How rows belong to persons: `person` and `no_person` of each table in replication/, read and checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from warehouse.core import fast_yaml
from warehouse.core.errors import ClassificationError
from warehouse.core.identifiers import PERSON_ID
from warehouse.core.settings import PROJECT

FOLDER = PROJECT / "replication"
REPLICATED = "trs.yml"
OTHERS = "other_tables.yml"

_Model = TypeVar("_Model", bound=BaseModel)


class CalledRule(BaseModel):
    """Which columns of a person's row say what they are called and when they were born."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first: tuple[str, ...]
    last: tuple[str, ...]
    born: str | None = None

    @property
    def columns(self) -> list[str]:
        """Every column that it names."""
        return [*self.first, *self.last, *([self.born] if self.born else [])]


class PersonRule(BaseModel):
    """How the rows of a table belong to a person.

    Attributes:
        rows: columns, or "a + b", each with the identifier that it holds: the row is theirs.
        people: an array of the ids of everyone whom the row concerns.
        mentions: JSON, text or array columns that may contain an identifier.
        points_to: columns of other people's rows that may hold an identifier; they are emptied.
        tells: columns, or "a + b", of a person's row, each with the identifier that it tells.
        called: columns with names and a date of birth, by which candidates are looked for.
        key: what identifies a row, as the table states it under `as_at`; "a + b" for two columns.
        sensitive: the table's sensitive columns.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: dict[str, str] = {}
    people: str | None = None
    mentions: tuple[str, ...] = ()
    points_to: dict[str, str] = {}
    tells: dict[str, str] = {}
    called: CalledRule | None = None
    because: str | None = None
    key: str | None = None
    sensitive: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _finds_rows(self) -> PersonRule:
        if not (self.rows or self.people or self.mentions):
            raise ValueError("`person` wants `rows`, `people` or `mentions`")
        return self

    @property
    def owners(self) -> list[str]:
        """The columns that say whose row it is: a row that names another person there is that person's."""
        return [column for column, kind in self.rows.items() if kind == PERSON_ID]

    @property
    def columns(self) -> list[str]:
        """Every column that the rule names."""
        named = [*self.rows, *([self.people] if self.people else []), *self.mentions, *self.points_to, *self.tells]
        named += self.called.columns if self.called else []
        return list(dict.fromkeys(part for name in named for part in parts(name)))

    @property
    def kinds(self) -> set[str]:
        """Every kind of identifier that the rule names."""
        return {*self.rows.values(), *self.points_to.values(), *self.tells.values()}


def parts(name: str) -> list[str]:
    """The columns of "a + b", or the one column."""
    return [part.strip() for part in name.split("+")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    replicate: bool = True
    person: PersonRule | None = None
    no_person: str | None = None
    as_at: dict[str, Any] = {}
    columns: dict[str, Any] = {}

    @model_validator(mode="after")
    def _says_one_of_both(self) -> _Table:
        if self.person and self.no_person:
            raise ValueError("`person` and `no_person` exclude each other")
        return self

    @property
    def rule(self) -> PersonRule | None:
        """Its rule with what else the file says of the table."""
        sensitive = [
            name
            for name, said in self.columns.items()
            if (said.get("class") if isinstance(said, dict) else said) == "sensitive"
        ]
        facts = {"key": " + ".join(self.as_at.get("key", ())) or None, "sensitive": tuple(sensitive)}
        return self.person.model_copy(update=facts) if self.person else None

    @property
    def says_nothing(self) -> bool:
        return self.replicate and not self.person and not self.no_person


class _Replicated(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    source: str
    schema_name: str = "public"
    tables: dict[str, _Table]

    @model_validator(mode="before")
    @classmethod
    def _schema(cls, value: Any) -> Any:
        return {**value, "schema_name": value.get("schema", "public")} if isinstance(value, dict) else value


class _Others(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    schemas: tuple[str, ...]
    tables: dict[str, _Table] = {}


@dataclass(frozen=True)
class Rules:
    """The rules of all tables.

    Attributes:
        schema: of the replica, and of the tables at the source.
        replicated: the replicated tables that hold rows of persons, each with its rule.
        without_persons: the replicated tables whose rows belong to no person, each with the reason.
        other_schemas: schemas in which every table must have a rule, too.
        others: their tables as "schema.table"; None for one whose rows belong to no person.
    """

    schema: str
    replicated: dict[str, PersonRule]
    without_persons: dict[str, str]
    other_schemas: tuple[str, ...]
    others: dict[str, PersonRule | None]

    def all(self) -> Iterator[PersonRule]:
        """Every rule there is."""
        yield from self.replicated.values()
        yield from (rule for rule in self.others.values() if rule)


def load_rules(folder: Path = FOLDER) -> Rules:
    """Read the rules.

    Raises:
        ClassificationError: a table says neither how its rows belong to persons nor why to none, or says it wrongly.
    """
    replicated = _read(folder / REPLICATED, _Replicated)
    others = _read(folder / OTHERS, _Others)
    silent = [name for name, table in replicated.tables.items() if table.says_nothing]
    silent += [name for name, table in others.tables.items() if table.says_nothing]
    if silent:
        raise unclassified(silent)
    for name, table in replicated.tables.items():
        unknown = [column for column in (table.person.columns if table.person else []) if column not in table.columns]
        if unknown:
            raise _wrong(folder / REPLICATED, f"tables.{name}.person: {name} has no column {unknown[0]}")
    kept = {name: table for name, table in replicated.tables.items() if table.replicate}
    return Rules(
        schema=replicated.schema_name,
        replicated={name: table.rule for name, table in kept.items() if table.rule},
        without_persons={name: table.no_person for name, table in kept.items() if table.no_person},
        other_schemas=others.schemas,
        others={name: table.rule for name, table in others.tables.items()},
    )


def unclassified(tables: list[str]) -> ClassificationError:
    """The error for tables of which it is not stated how their rows belong to persons."""
    return ClassificationError(
        f"It is not stated how the rows of {', '.join(tables[:5])} belong to persons"
        + (f" ({len(tables) - 5} more likewise)." if len(tables) > 5 else "."),
        meaning="A person could be overlooked there, so nothing was looked for and nothing erased.",
        next_command="Give each table `person` or `no_person` in replication/trs.yml or replication/other_tables.yml, "
        "then run again.",
    )


def _read(file: Path, model: type[_Model]) -> _Model:
    try:
        return model.model_validate(fast_yaml.safe_load(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise _wrong(file, f"it cannot be read: {error.strerror}") from None
    except yaml.YAMLError:
        raise _wrong(file, "it is not valid YAML") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _wrong(file, f"{place}: {first['msg'].removeprefix('Value error, ')}") from None


def _wrong(file: Path, problem: str) -> ClassificationError:
    return ClassificationError(
        f"replication/{file.name} is wrong: {problem}.",
        meaning="How rows belong to persons is not known, so nothing was erased.",
        next_command=f"Correct replication/{file.name}, then run again.",
    )
