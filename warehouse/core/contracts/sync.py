"""What a contract repeats of its extract's model, brought up to date: names stay, meaning, class and types follow.

A person decides which columns leave, and under which rules; the model's YAML and the field dictionary say what a
column means. So a column that is new in the model stays behind until a person writes its name into the contract, and
one that is gone from the model is a question for a person. Nothing else of the file is touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import yaml

from warehouse.core import whole_files
from warehouse.core.contracts.edit import CannotEdit, Editor
from warehouse.core.contracts.extract_model import ExtractModel, ModelColumn, extract_model
from warehouse.core.contracts.model import QUASI_IDENTIFIER, Classification
from warehouse.core.contracts.place import ExtractName
from warehouse.core.contracts.read import compose, contract_error, read_bytes
from warehouse.core.contracts.types import LOGICAL_TYPES, Kind, parse_type, why_it_cannot_hold
from warehouse.core.terms import Term

_ORDER = ("name", "description", "logicalType", "physicalType", "required", "classification", "tags")
"""Of the keys that follow from the model; each is put behind the nearest one before it."""

_CLASSES = get_args(Classification)

_Wanted = tuple[str, str, bool]
"""A key, its value, and whether it is prose."""


@dataclass(frozen=True)
class Change:
    """One value that follows from the model and differs.

    Attributes:
        place: the column, or "the table".
        key: of the contract standard, such as "description".
        was: None where the key is not there.
    """

    place: str
    key: str
    was: str | None
    now: str


@dataclass(frozen=True)
class Synced:
    """A contract as it follows from its model.

    Attributes:
        content: of the file, in bytes.
        left_behind: columns of the model that the contract does not name, so that they do not leave.
    """

    path: Path
    changes: tuple[Change, ...]
    left_behind: tuple[str, ...]
    content: bytes

    def write(self) -> None:
        """Write the file, whole or not at all."""
        aside = self.path.with_name(f".{self.path.name}.new")
        aside.write_bytes(self.content)
        aside.chmod(self.path.stat().st_mode & 0o777)
        whole_files.give_name(aside, self.path)


def models_of(path: Path, dictionary: dict[str, Term]) -> list[ExtractModel]:
    """The models of a contract's tables, in their order in the file.

    Raises:
        ContractError: the contract cannot be read, or has a table of which there is no model.
        TermsError: a column of a model is no term of the field dictionary.
    """
    extract, tables = ExtractName.of_file(path), _tables(path, compose(path, read_bytes(path)))
    if len(tables) == 1:
        return [extract_model(extract, dictionary)]
    return [extract_model(extract._replace(table=_values(one).get("name", "")), dictionary) for one in tables]


def sync(path: Path, models: Sequence[ExtractModel]) -> Synced:
    """Hold a contract against its models. Changes no file.

    Args:
        models: of its tables, in their order.

    Raises:
        ContractError: it cannot be read, or names a column that the model does not have; or a value cannot be replaced
            without changing another.
    """
    return synced(path, read_bytes(path), models)


def synced(path: Path, content: bytes, models: Sequence[ExtractModel]) -> Synced:
    """The same for the content of a file that need not be there yet."""
    tables = _tables(path, compose(path, content))
    if len(tables) != len(models):
        raise contract_error(path, [f"schema: has {len(tables)} tables, and {len(models)} are expected"])
    done = Synced(path, (), (), content)
    for position, model in enumerate(models):
        one = _synced_table(path, done.content, model, position)
        before = f"{model.name}: " if len(models) > 1 else ""
        changes = (replace(change, place=before + change.place) for change in one.changes)
        left = (before + name for name in one.left_behind)
        done = Synced(path, (*done.changes, *changes), (*done.left_behind, *left), one.content)
    return done


def _synced_table(path: Path, content: bytes, model: ExtractModel, position: int) -> Synced:
    root = compose(path, content)
    text = content.decode("utf-8")
    table, columns = _table(path, root, position)
    known = {column.name: column for column in model.columns}
    problems = [f"column {name}: {model.name} has no such column" for name in columns if name not in known]
    if problems:
        raise contract_error(path, problems)
    editor, changes = Editor(text), list[Change]()
    wanted = [("the table", table, [("description", model.description, True)] if model.description else [])]
    wanted += [(name, node, list(_of(known[name], _values(node), _tags(node)))) for name, node in columns.items()]
    for place, node, keys in wanted:
        given = _values(node)
        for key, value, prose in keys:
            was = given.get(key)
            if key == "tags":
                was = _flow(_tags(node)) or None
            if was is None or " ".join(was.split()) != value:
                try:
                    editor.set(node, key, value, _ORDER[: max(1, _ORDER.index(key))], prose=prose)
                except CannotEdit as error:
                    raise contract_error(path, [f"{place}: {error}"]) from None
                changes.append(Change(place, key, was, value))
    left = tuple(name for name in known if name not in columns)
    return Synced(path, tuple(changes), left, _checked(path, root, editor.text(), changes, position).encode("utf-8"))


def _tables(path: Path, root: yaml.Node) -> list[yaml.MappingNode]:
    tables = _child(root, "schema")
    found = tables.value if isinstance(tables, yaml.SequenceNode) else []
    if not found or not all(isinstance(one, yaml.MappingNode) for one in found):
        raise contract_error(path, ["schema: must hold a table with its columns in `properties`, or several of them"])
    return list(found)


def _table(path: Path, root: yaml.Node, number: int) -> tuple[yaml.MappingNode, dict[str, yaml.MappingNode]]:
    """One table of a contract and its columns by name, in the order of the file."""
    tables = _tables(path, root)
    table = tables[number]
    properties = _child(table, "properties")
    if not isinstance(properties, yaml.SequenceNode) or not properties.value:
        raise contract_error(path, [f"schema[{number}].properties: must be the list of columns"])
    columns: dict[str, yaml.MappingNode] = {}
    for position, entry in enumerate(properties.value):
        name = _values(entry).get("name") if isinstance(entry, yaml.MappingNode) else None
        if not name or name in columns:
            what = f"column `{name}` is listed twice" if name else "has no name"
            raise contract_error(path, [f"schema[{number}].properties[{position}]: {what}"])
        columns[name] = entry
    return table, columns


def _child(node: yaml.Node, key: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for name, value in pairs if name.value == key), None)


def _values(node: yaml.MappingNode) -> dict[str, str]:
    return {name.value: value.value for name, value in node.value if isinstance(value, yaml.ScalarNode)}


def _of(column: ModelColumn, given: dict[str, str], tags: list[str]) -> Iterator[_Wanted]:
    """What a column of a contract should say.

    A class that is stricter than the model's, tags of its own, a type that holds every value of the model's and a
    promise that no value is missing are agreed with the recipient: they stay.
    """
    physical = given.get("physicalType", "")
    if not _holds(physical, column.physical_type):
        physical = column.physical_type
    found = parse_type(physical)
    assert found is not None, "a type of the model, or one that was compared with it"
    yield "description", column.description, True
    yield "logicalType", LOGICAL_TYPES[found.kind], False
    yield "physicalType", physical, False
    if column.required:
        yield "required", "true", False
    strictest = max(column.classification, given.get("classification", "open"), key=_strictness)
    yield "classification", strictest, False
    if column.quasi_identifier and QUASI_IDENTIFIER not in tags:
        yield "tags", _flow([*tags, QUASI_IDENTIFIER]), False


def _tags(node: yaml.MappingNode) -> list[str]:
    found = _child(node, "tags")
    return [one.value for one in found.value] if isinstance(found, yaml.SequenceNode) else []


def _flow(tags: list[str]) -> str:
    return f"[{', '.join(tags)}]" if tags else ""


def _strictness(classification: str) -> int:
    return _CLASSES.index(classification) if classification in _CLASSES else -1


def _holds(contract: str, model: str) -> bool:
    mine, theirs = parse_type(contract), parse_type(model)
    if mine is None or theirs is None:
        return False
    unbounded = mine.kind is theirs.kind is Kind.DECIMAL and theirs.size is None
    return unbounded or why_it_cannot_hold(mine, theirs) is None


def _checked(path: Path, before: yaml.Node, text: str, changes: list[Change], number: int) -> str:
    """The new text, when it reads as the old one with these changes and no other.

    Raises:
        ContractError: it does not, because of a form of YAML that the editor does not master.
    """
    try:
        after = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        after = None
    if after is None or _plain(after) != _expected(before, changes, number):
        raise contract_error(path, ["its form of YAML cannot be rewritten in place: correct it by hand"])
    return text


def _plain(node: yaml.Node) -> object:
    if isinstance(node, yaml.MappingNode):
        return {str(_plain(name)): _plain(value) for name, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(entry) for entry in node.value]
    return node.value


def _expected(root: yaml.Node, changes: list[Change], number: int) -> object:
    document = _plain(root)
    assert isinstance(document, dict)
    table = document["schema"][number]
    columns = {column["name"]: column for column in table["properties"]}
    for change in changes:
        now = change.now.strip("[]").split(", ") if change.key == "tags" else change.now
        (table if change.place == "the table" else columns[change.place])[change.key] = now
    return document
