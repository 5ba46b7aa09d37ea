"""What of a JSON column is replicated: the SQL of a rule, against the same rule in ten lines of Python."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from tests.python.conftest import FreshDatabases
from warehouse.core.errors import ClassificationError
from warehouse.core.json_rule import VALUE, JsonFile, JsonRule
from warehouse.replicate import load_classification
from warehouse.replicate.json_keys import filter as key_filter
from warehouse.replicate.json_keys.expression import listed_keys

KEYS = st.sampled_from(["a", "b", "A", "Token", "b c", "(value)", "{}", "%s", "'", '"', "é"])
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.sampled_from(["", "x", "null", "{}"]))
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
TREES = st.recursive(
    st.just({}), lambda inner: st.dictionaries(KEYS, st.just(True) | inner, max_size=4), max_leaves=6
).filter(lambda tree: _depth(tree) <= 4)


def _depth(tree: Mapping[str, Any]) -> int:
    return 1 + max((_depth(below) for below in tree.values() if isinstance(below, Mapping)), default=0)


def kept(value: Any, tree: Any, *, lists: bool) -> Any:
    """The rule in Python."""
    if isinstance(value, dict):
        if not isinstance(tree, Mapping):
            return None
        found = {key: kept(value[key], tree[key], lists=lists) for key in value if key in tree}
        return {key: part for key, part in found.items() if part is not None}
    if isinstance(value, list):
        if isinstance(tree, Mapping):
            elements = [None if isinstance(item, list) else kept(item, tree, lists=lists) for item in value]
            return elements if lists else None
        return None if any(isinstance(item, dict | list) for item in value) else value
    return value if tree is True or VALUE in tree else None


@pytest.fixture
def warehouse(databases: FreshDatabases) -> psycopg.Connection:
    with databases.at_warehouse() as connection:
        connection.execute("create schema history")
        connection.execute("create table events (id int, kind text, j jsonb)")
        yield connection


@settings(suppress_health_check=list(HealthCheck), max_examples=150, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["x", "y'"]), TREES, max_size=2),
    TREES,
    st.lists(VALUES, min_size=1, max_size=6),
    st.booleans(),
)
def test_nothing_but_the_listed_keys_is_kept(
    warehouse: psycopg.Connection, kinds: dict[str, Any], always: dict[str, Any], values: list[Any], lists: bool
) -> None:
    rule = JsonRule(always, "kind", kinds, lists)
    with warehouse.transaction(force_rollback=True):
        key_filter.leave_unlisted_out(warehouse, "public", "events", {"j": rule})
        rows = [(number, ("x", "y'", "z", None)[number % 4], value) for number, value in enumerate(values)]
        plain = sql.SQL("select {} from (select %s::text as kind, %s::jsonb as j) as t").format(listed_keys("j", rule))
        for number, kind, value in rows:
            wanted = kept(value, kinds.get(kind or "", always), lists=lists)
            text = json.dumps(value)
            assert warehouse.execute(plain, (kind, text)).fetchone() == (wanted,)
            stored = warehouse.execute(
                "insert into events values (%s, %s, %s) returning j", (number, kind, text)
            ).fetchone()
            assert stored == (wanted,), "what the stream brings is stored in the same form"
            (again,) = warehouse.execute(plain, (kind, json.dumps(wanted))).fetchone() or ()
            assert again == wanted, "what is stored is in its form already"


def test_a_null_column_stays_null(warehouse: psycopg.Connection) -> None:
    rule = JsonRule({"a": True})
    row = warehouse.execute(sql.SQL("select {} from (select null::jsonb as j) as t").format(listed_keys("j", rule)))
    assert row.fetchone() == (None,)


def test_the_rules_of_the_file_fit_the_events_of_the_source() -> None:
    """Each field of each event has a line in trs_json.yml or a reason under `left_behind`."""
    from sandbox.domain.events import HEAD, shapes

    file = load_classification().json_file
    rule = file.rule("event")
    assert set(rule.kinds) == {name for _, name in shapes()}
    missing, listed = set(), set()
    for shape in shapes().values():
        tree = rule.kinds[shape.name]
        assert {*HEAD["events"]} <= {*tree}
        for field in shape.types:
            if field not in tree:
                missing.add(field)
            elif field in shape.objects:
                missing |= {part for part in shape.objects[field].columns if part not in tree[field]}
                listed |= {part for part in shape.objects[field].columns if part in tree[field]}
    assert missing == set(file.left_behind)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("objects: {A: {x: B}}\ncolumns: {c: {keys: {a: A}}}", "there is no object B"),
        ("objects: {A: {x: A}}\ncolumns: {c: {keys: {a: A}}}", "inside itself"),
        ("objects: {A: {x: B}, B: {x: C}, C: {x: D}, D: {x}}\ncolumns: {c: {keys: {a: A}}}", "levels deep"),
        ("columns: {c: {by: kind, keys: {a}}}", "either `keys`, or"),
        ("columns: {c: {kinds: {a: {b}}}}", "either `keys`, or"),
        ("columns: {d: {keys: {a}}}", "no rule c"),
    ],
)
def test_a_mistake_is_told_by_its_place(text: str, told: str, tmp_path: Any) -> None:
    (tmp_path / "trs.yml").write_text(
        "source: trs\nschema: public\ntables: {t: {columns: {c: {class: open, keys: c}, kind: open}}}"
    )
    (tmp_path / "trs_json.yml").write_text(text)
    with pytest.raises(ClassificationError) as caught:
        load_classification(tmp_path / "trs.yml")
    assert told in caught.value.what


def test_a_changed_rule_has_another_digest() -> None:
    file = JsonFile.model_validate({"objects": {"A": {"x": None}}, "columns": {"c": {"keys": {"a": "A"}}}})
    other = JsonFile.model_validate({"objects": {"A": {"y": None}}, "columns": {"c": {"keys": {"a": "A"}}}})
    assert file.rule("c").digest == file.rule("c").digest != other.rule("c").digest
