"""The project built on PostgreSQL and on an emulator of BigQuery from the same rows: every relation has the same ones.

What BigQuery cannot hold of the sources, docs/adr/0044-born-on-both-engines.md has; here it is null on both sides, so
that whatever differs afterwards comes from the models. docs/adr/0073-an-emulator-of-bigquery.md says what it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.python.dbt.built import Built, world
from tests.python.dbt.emulator.comparing import compare
from tests.python.dbt.emulator.declared import Declared, declared, problems
from tests.python.dbt.emulator.loading import CANNOT_HOLD
from tests.python.dbt.emulator.parity import There, build_there, differences, environment
from tests.python.dbt.emulator.server import NotInstallable, emulator, make_environment
from tests.python.dbt.faults import FAULTS
from tests.python.dbt.of_the_build import bad_input, operations
from tests.python.dbt.of_the_build.strange_dates import dated

pytestmark = pytest.mark.slow

NO_EMULATOR = "NO EMULATOR OF BIGQUERY HERE: the rows of both databases were not compared"


def nulled() -> str:
    """SQL that makes null what BigQuery cannot hold, also where the source has a value in each row."""
    statements = []
    for table, columns in dated().items():
        for column, kind in columns.items():
            rule = CANNOT_HOLD["DATE" if kind == "date" else "TIMESTAMP"].format(column)
            statements.append(f"alter table {table} alter column {column} drop not null;\n")
            statements.append(f"update {table} set {column} = null where {rule};\n")
    return "".join(statements)


@pytest.fixture(scope="module")
def ours(short_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    faults = FAULTS + operations.FAULTS + bad_input.FAULTS + nulled()
    with world(short_folder / "parity", tmp_path_factory.mktemp("here"), faults) as made:
        assert made.build("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
        yield made


@pytest.fixture(scope="module")
def there(ours: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    try:
        python = make_environment()
    except NotInstallable as said:
        pytest.skip(f"{NO_EMULATOR}: {said}")
    folder = tmp_path_factory.mktemp("emulator")
    with emulator(python, folder) as address, pytest.MonkeyPatch.context() as patch:
        for name, value in environment(address).items():
            patch.setenv(name, value)
        yield build_there(address, ours.conninfo, ours.profiles, folder / "target", ours.variables)


def test_each_relation_has_the_same_rows_on_both(ours: Built, there: There) -> None:
    assert there.failed == {}
    assert sum(node["resource_type"] == "model" for node in there.manifest["nodes"].values()) > 200
    assert there.nulled == {}, "the sources were to be the same"
    manifest = json.loads((ours.target / "manifest.json").read_text(encoding="utf-8"))
    found = problems(differences(there, manifest, ours.conninfo), declared())
    assert not found, "\n".join(["of one build both databases have other rows:", *found])


# ---- what it would find


def test_rows_are_compared_without_their_order_and_by_their_values() -> None:
    one, other = [("a", 1), ("b", 2), ("b", 2)], [("b", 2), ("a", 1), ("b", 2)]
    assert compare("r", ["id", "n"], one, other) is None
    fewer = compare("r", ["id", "n"], one, other[:2])
    assert fewer is not None and fewer.columns == {} and fewer.rows == 1
    changed = compare("r", ["id", "n"], one, [("b", 2), ("a", 1), ("b", 3)])
    assert changed is not None and changed.columns == {"n": 1}
    assert changed.first == ["id = b: n is 2 on PostgreSQL, 3 on BigQuery"]
    assert compare("r", ["id", "n"], [("a", None)], [("a", 0)]) is not None
    assert compare("r", ["n"], [('{"b": 1, "a": null}',)], [('{"a":null,"b":1}',)]) is None
    assert compare("r", ["n"], [('{"b": 1}',)], [('{"b": 2}',)]) is not None
    assert compare("r", ["n"], [("{b",)], [("{ b",)]) is not None


def test_what_differs_is_declared_with_its_number_of_rows() -> None:
    found = compare("r", ["id", "n"], [("a", 1), ("b", 2)], [("a", 1), ("b", 3)])
    assert found is not None
    listed: Declared = {("r", "n"): 1}
    assert problems([found], listed) == []
    assert problems([found], {("r", "n"): 2}) and problems([found], {})
    (stale,) = problems([], listed)
    assert stale == "r: n is declared to differ in 1 rows and is equal: take the row out of differences.csv"
