"""What of the operational database is replicated: replication/trs.yml, read and checked."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from warehouse.core import fast_yaml
from warehouse.core.errors import ClassificationError, NewColumnsHeld, WarehouseError
from warehouse.core.json_rule import JsonFile, JsonRule
from warehouse.core.keep import Keep
from warehouse.core.settings import PROJECT

FILE = PROJECT / "replication" / "trs.yml"

JSON_FILE = "trs_json.yml"
"""The file beside it: which keys of the JSON columns are replicated."""

Class = Literal["open", "personal", "sensitive", "secret"]


class Column(BaseModel):
    """A column's line: its class, and whether it is left out.

    Attributes:
        keys: of a JSON column, the rule in trs_json.yml that lists which of its keys are replicated.
        quasi_identifier: whether it singles a person out together with other such columns.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    classification: Class = Field(alias="class")
    replicate: bool = True
    because: str | None = None
    keys: str | None = None
    quasi_identifier: bool = False

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"class": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _left_behind_for_a_reason(self) -> Column:
        if not self.replicate and not self.because:
            raise ValueError("`replicate: false` needs a reason in `because`")
        return self

    @property
    def is_published(self) -> bool:
        """A secret is never published, whatever else its line says."""
        return self.replicate and self.classification != "secret"


class Table(BaseModel):
    """A table's entry: its columns, and whether the table is left out.

    Attributes:
        keep_years: for how many years its superseded versions are kept, where it is not the file's rule.
        keep_days: for how many days they are, where the source itself prunes the table.
        pruned_by: who or what prunes it at the source, and when: the reason for keep_days.
        person, no_person: how its rows belong to a person; erasure reads and checks them (warehouse/erase/rules.py).
        as_at: what counts as true on a day; the dbt macro of that name reads it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    replicate: bool = True
    because: str | None = None
    keep_years: int | None = Field(None, ge=1)
    keep_days: int | None = Field(None, ge=1)
    pruned_by: str | None = None
    person: dict[str, Any] | None = None
    no_person: str | None = None
    as_at: dict[str, Any] | None = None
    columns: dict[str, Column]

    @model_validator(mode="after")
    def _left_behind_for_a_reason(self) -> Table:
        if not self.replicate and not self.because:
            raise ValueError("`replicate: false` needs a reason in `because`")
        return self

    @model_validator(mode="after")
    def _kept_by_one_rule(self) -> Table:
        if self.keep_years and self.keep_days:
            raise ValueError("`keep_years` and `keep_days` are two rules: give one of them")
        if bool(self.keep_days) != bool(self.pruned_by):
            raise ValueError("`keep_days` and `pruned_by`, which says what prunes the table at the source, go together")
        return self

    @property
    def published(self) -> list[str]:
        """The names of the columns that are replicated, none for a table that is left out."""
        return [name for name, column in self.columns.items() if column.is_published] if self.replicate else []


class HistoryRule(BaseModel):
    """For how many years superseded versions are kept, and why so long."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keep_years: int = Field(ge=1)
    because: str


class NotSecret(BaseModel):
    """A place where a scan for secrets finds what is none.

    Attributes:
        column: such as `notes.content`.
        key: the path of keys in JSON, as the scan prints it; empty: every value of the column.
        form: what it looks like; empty: whatever it looks like.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str
    key: str = ""
    form: str = ""
    because: str

    def covers(self, column: str, key: str, form: str) -> bool:
        """Whether it is about what was found."""
        return self.column == column and self.key in ("", key) and self.form in ("", form)


class Classification(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    source: str
    schema_name: str = Field(alias="schema")
    history: HistoryRule | None = None
    tables: dict[str, Table]
    not_secrets: tuple[NotSecret, ...] = ()
    json_file: JsonFile = JsonFile()
    _sha256: str = PrivateAttr("")

    @model_validator(mode="after")
    def _rules_exist(self) -> Classification:
        for table, entry in self.tables.items():
            for name, column in entry.columns.items():
                if column.keys and column.keys not in self.json_file.columns:
                    raise ValueError(f"{table}.{name}: {JSON_FILE} has no rule {column.keys}")
        return self

    @property
    def file_sha256(self) -> str:
        """Of the two files that this was read from, one after the other; empty when it was read from none."""
        return self._sha256

    @property
    def published(self) -> dict[str, list[str]]:
        """The replicated tables, each with its replicated columns."""
        return {name: table.published for name, table in self.tables.items() if table.published}

    def columns_of(self, table: str) -> list[str]:
        """The replicated columns of one table; none for a table that is not replicated."""
        return self.tables[table].published if table in self.tables else []

    @property
    def kept(self) -> dict[str, Keep]:
        """The tables whose superseded versions go after some time, each with it; without a rule they stay."""
        rules = {name: self._keep(self.tables[name]) for name in self.published}
        return {name: rule for name, rule in rules.items() if rule}

    def existing(self, source: dict[str, dict[str, Any]]) -> Classification:
        """The file without its lines on tables and columns that the operational database does not have any more."""
        kept = {
            name: table.model_copy(
                update={"columns": {c: line for c, line in table.columns.items() if c in source[name]}}
            )
            for name, table in self.tables.items()
            if name in source
        }
        return self.model_copy(update={"tables": kept})

    def json_rules(self, table: str) -> dict[str, JsonRule]:
        """The JSON columns of a table of which the listed keys alone are replicated, each with its rule."""
        entry = self.tables[table]
        return {
            name: self._rule(entry, column.keys)
            for name, column in entry.columns.items()
            if column.keys and name in entry.published
        }

    def _keep(self, entry: Table) -> Keep | None:
        if entry.keep_days:
            return Keep(days=entry.keep_days)
        years = entry.keep_years or (self.history and self.history.keep_years)
        return Keep(years=years) if years else None

    def _rule(self, entry: Table, name: str) -> JsonRule:
        rule = self.json_file.rule(name)
        # A source that has lost the column that says which kind of JSON it is: nothing of a kind is known.
        return JsonRule(rule.always) if rule.by and rule.by not in entry.published else rule


@dataclass(frozen=True)
class NewColumns:
    """What the operational database has and the file does not: held back until it is classified.

    Attributes:
        first: what is more urgent: a decision about another change of structure, or what could not be carried out.
    """

    tables: list[str]
    columns: list[tuple[str, str]]
    first: WarehouseError | None = None

    def __bool__(self) -> bool:
        return bool(self.tables or self.columns or self.first)

    def __str__(self) -> str:
        names = [f"{table}.{column}" for table, column in self.columns] + [f"table {table}" for table in self.tables]
        shown = ", ".join(names[:5])
        return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")

    def error(self) -> WarehouseError:
        """What to raise when everything else is done."""
        return self.first or not_classified(str(self))


def not_classified(names: str) -> NewColumnsHeld:
    """The error for columns of the source that were left out because they are not classified."""
    return NewColumnsHeld(
        f"The operational database has columns that are not classified: {names}.",
        meaning="They are not replicated: the warehouse has nothing of them. Everything else was done.",
        next_command="Give each a line in replication/trs.yml (open, personal, sensitive or secret), then run again.",
    )


def load_classification(file: Path = FILE) -> Classification:
    """Read replication/trs.yml and, beside it, trs_json.yml.

    Returns:
        What they say now; one object for as long as neither changes, so nobody alters it.

    Raises:
        ClassificationError: it is not there, not YAML, or a line of it is wrong; names the place.
    """
    beside = file.with_name(JSON_FILE)
    return _classification(file, _content(file), beside, _content(beside) if beside.exists() else None)


# One command asks a dozen times: to parse and check all lines takes 15 ms on quiet cores, to read the files 0.4 ms.
@functools.lru_cache(maxsize=4)
def _classification(file: Path, content: bytes, beside: Path, listed: bytes | None) -> Classification:
    written = _parsed(file, content)
    if listed is not None and isinstance(written, dict):
        written |= {"json_file": _checked(JsonFile, _parsed(beside, listed), beside)}
    read = _checked(Classification, written, file)
    read._sha256 = hashlib.sha256(content + (listed or b"")).hexdigest()
    return read


_Model = TypeVar("_Model", bound=BaseModel)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        what = f"{file.name} cannot be read: {error.strerror}"
    raise _wrong(what, file)


def _parsed(file: Path, content: bytes) -> Any:
    try:
        return fast_yaml.safe_load(content.decode("utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = f"{file.name} is not valid YAML" + (f" (line {mark.line + 1})" if mark else "")
    except UnicodeDecodeError:
        what = f"{file.name} is not text in UTF-8"
    raise _wrong(what, file)


def _checked(model: type[_Model], written: Any, file: Path) -> _Model:
    try:
        return model.model_validate(written)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        what = f"{file.name} is wrong at {place}: {first['msg'].removeprefix('Value error, ')}"
    raise _wrong(what, file)


def _wrong(what: str, file: Path) -> ClassificationError:
    return ClassificationError(
        what + ".",
        meaning="Nothing is replicated that is not classified, so replication was not touched.",
        next_command=f"Correct replication/{file.name}, then run again.",
    )


def check_against(classification: Classification, source: dict[str, dict[str, Any]]) -> NewColumns:
    """Compare the file with the operational database's tables and columns.

    Returns:
        What the database has and the file does not.

    Raises:
        ClassificationError: the file replicates a table or column that the database lacks: models use it.
    """
    missing = [
        f"{table}.{column}" if table in source else f"table {table}"
        for table, columns in classification.published.items()
        for column in columns
        if table not in source or column not in source[table]
    ]
    if missing:
        names = list(dict.fromkeys(missing))
        raise ClassificationError(
            f"replication/trs.yml replicates what the operational database does not have: {', '.join(names[:5])}"
            + (f" and {len(names) - 5} more." if len(names) > 5 else "."),
            meaning="It was renamed or dropped, or this is another database. What was replicated before is kept.",
            next_command="Check TRS_DATABASE_URL; if the database is right, correct or remove these lines in "
            "replication/trs.yml, then run again.",
        )
    return unclassified(classification, source)


def unclassified(classification: Classification, source: dict[str, dict[str, Any]]) -> NewColumns:
    """What the operational database has and the file does not."""
    return NewColumns(
        tables=[table for table in source if table not in classification.tables],
        columns=[
            (table, column)
            for table, columns in source.items()
            if table in classification.tables
            for column in columns
            if column not in classification.tables[table].columns
        ],
    )
