"""Each key of replication/trs.yml: an edit of it has an effect, or a message, on a warehouse that runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.python.replicate.drifting import World, world
from warehouse.core.errors import ClassificationError
from warehouse.core.json_rule import JsonFile
from warehouse.core.progress import Silent
from warehouse.jobs import rule_changes
from warehouse.replicate import replicate
from warehouse.replicate.classification import Classification, Column, HistoryRule, Table

__all__ = ["world"]
pytestmark = pytest.mark.slow

File = dict[str, Any]

NEW_PERSON = {"rows": {"person_id": "person_id"}}


def at(*path: str) -> Callable[[File], tuple[File, str]]:
    """Where a key of the file is: what it is in, and its name there."""

    def find(file: File) -> tuple[File, str]:
        inside = file
        for part in path[:-1]:
            inside = inside.setdefault(part, {})
        return inside, path[-1]

    return find


def put(value: Any, *path: str) -> Callable[[File], None]:
    def edit(file: File) -> None:
        inside, name = at(*path)(file)
        inside[name] = value

    return edit


EDITS: dict[str, Callable[[File], None]] = {
    "history.keep_years": put(3, "history", "keep_years"),
    "history.because": put("another reason", "history", "because"),
    "tables: a new one": put({"columns": {"id": "open"}}, "tables", "later"),
    "tables: one less": lambda file: file["tables"].pop("posts"),
    "table.replicate": lambda file: file["tables"]["posts"].update(replicate=False, because="nothing uses it"),
    "table.because": put("a remark", "tables", "posts", "because"),
    "table.keep_years": put(2, "tables", "people", "keep_years"),
    "table.keep_days": lambda file: file["tables"]["people"].update(keep_days=90, pruned_by="a nightly job"),
    "table.person": put(NEW_PERSON, "tables", "people", "person"),
    "table.no_person": put("a list", "tables", "posts", "no_person"),
    "table.as_at": put({"key": ["person_id"]}, "tables", "people", "as_at"),
    "columns: a new one": put("open", "tables", "people", "columns", "later"),
    "columns: one less": lambda file: file["tables"]["people"]["columns"].pop("age"),
    "column.class": put("personal", "tables", "people", "columns", "note"),
    "column.class, to secret": put("secret", "tables", "people", "columns", "note"),
    "column.replicate": put(
        {"class": "open", "replicate": False, "because": "x"}, "tables", "people", "columns", "note"
    ),
    "column.because": put({"class": "open", "because": "a remark"}, "tables", "people", "columns", "note"),
    "column.quasi_identifier": put({"class": "open", "quasi_identifier": True}, "tables", "people", "columns", "note"),
    "column.keys": put({"class": "open", "keys": "facts"}, "tables", "people", "columns", "facts"),
    "listed keys of a rule": put({"keys": {"a": None, "b": None}}, "json_file", "columns", "used"),
    "an object of listed keys": put({"a": None}, "json_file", "objects", "thing"),
    "a place that holds no secret": put([{"column": "people.note", "because": "a test"}], "not_secrets"),
    "a reason of a key that is not listed": put("nothing reads it", "json_file", "left_behind", "a.b"),
}

FIELDS = {
    "source": "another place",
    "schema_name": "another place",
    "history": "history.keep_years",
    "tables": "tables: a new one",
    "json_file": "listed keys of a rule",
    "keep_years": "table.keep_years",
    "keep_days": "table.keep_days",
    "pruned_by": "table.keep_days",
    "because": "table.because",
    "replicate": "table.replicate",
    "person": "table.person",
    "no_person": "table.no_person",
    "as_at": "table.as_at",
    "columns": "columns: a new one",
    "classification": "column.class",
    "keys": "column.keys",
    "quasi_identifier": "column.quasi_identifier",
    "not_secrets": "a place that holds no secret",
    "objects": "an object of listed keys",
    "left_behind": "a reason of a key that is not listed",
}
"""Each field of the file's models with the edit that tries it."""


def written() -> File:
    """The world's file, with a table that has listed keys."""
    return {
        "source": "trs",
        "schema": "public",
        "history": {"keep_years": 7, "because": "a test"},
        "tables": {
            "people": {
                "columns": {
                    "person_id": "open",
                    "name": "sensitive",
                    "note": "open",
                    "age": "personal",
                    "nin": "secret",
                    "facts": {"class": "open", "keys": "used"},
                }
            },
            "posts": {"columns": {"person_id": "open", "number": "open", "title": "open"}},
        },
        "json_file": {"columns": {"used": {"keys": {"a": None}}, "facts": {"keys": {"c": None}}}},
    }


@pytest.fixture
def file(world: World, monkeypatch: pytest.MonkeyPatch) -> File:
    """The file of a warehouse that runs and follows it."""
    made = written()
    monkeypatch.setattr(World, "classification", property(lambda _: Classification.model_validate(made)))
    world.trs.execute('alter table people add column facts jsonb default \'{"a": 1, "b": 2, "c": 3}\'')
    replicate(world.databases, Silent())
    world.apply()
    assert world.found() == []
    return made


def edits(world: World) -> list[tuple[Any, ...]]:
    return world.warehouse.execute(
        "select table_name, column_name, was, is_now, followed_at is not null from ledger.rule_changes"
    ).fetchall()


def test_each_edit_is_noticed_and_recorded_one_after_the_other(world: World, file: File) -> None:
    """`drift` shows it, the run says it, the ledger has it; followed, both agree again."""
    for name, edit in EDITS.items():
        before, known = world.found(), len(edits(world))
        assert before == [], name
        edit(file)
        assert world.found() != [], f"{name}: drift says that all agree"
        report, _ = replicate(world.databases, Silent())
        assert any("replication/trs.yml, " in note for note in report.notes), (name, report.notes)
        assert len(edits(world)) > known, f"{name}: no record"
        world.apply()
        rule_changes.finish(world.databases, Silent())
        file.clear()
        file.update(written())
        replicate(world.databases, Silent())
        world.apply()
        rule_changes.finish(world.databases, Silent())
        assert all(is_followed for *_, is_followed in edits(world)), name


@pytest.mark.parametrize("key", ["source", "schema"])
def test_another_source_or_schema_is_refused(world: World, file: File, key: str) -> None:
    file[key] = "elsewhere"
    with pytest.raises(ClassificationError, match="this warehouse replicates trs, schema public"):
        replicate(world.databases, Silent())
    file[key] = written()[key]
    _, held = replicate(world.databases, Silent())
    assert held.first is None


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(ValueError, match="histroy"):
        Classification.model_validate({**written(), "histroy": {"keep_years": 7}})


def test_each_key_of_the_file_has_an_edit() -> None:
    fields = {name for model in (Classification, Table, Column, HistoryRule) for name in model.model_fields}
    fields |= set(JsonFile.model_fields)
    assert fields - set(FIELDS) == set()
    assert set(FIELDS.values()) - {"another place"} <= set(EDITS)
