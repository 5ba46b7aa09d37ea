"""The project as BigQuery would get it: compiled without a connection, and read by another program's grammar.

This shows that every model renders to BigQuery's SQL, not that BigQuery runs it: only a run there shows that.
"""

import re
from pathlib import Path

import pytest
from sqlfluff.core import Linter

from .conftest import invoke

pytestmark = pytest.mark.slow

LEFT_OVER = re.compile(
    r"::|isfinite|\btext\b\s*\[|\bat time zone\b|\blateral\b|\bordinality\b|#>>|[^!]~ '|\btimestamptz\b"
)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    target = tmp_path_factory.mktemp("bigquery")
    invoke(["compile", "--target", "bigquery", "--no-introspect", "--no-populate-cache"], target)
    found = sorted((target / "compiled").rglob("*.sql"))
    assert len(found) > 300
    return found


def test_nothing_of_postgres_is_left(compiled: list[Path]) -> None:
    assert not {p.name: hit.group(0) for p in compiled if (hit := LEFT_OVER.search(p.read_text(encoding="utf-8")))}


def test_datasets_have_the_name_of_the_profile_before_them(compiled: list[Path]) -> None:
    person = next(p for p in compiled if p.name == "dandi_teachers.sql").read_text(encoding="utf-8")
    assert "`none`.`teaching_record_marts`.`dim_person`" in person


def test_models_and_macro_tests_parse_as_bigquery(compiled: list[Path]) -> None:
    linter = Linter(dialect="bigquery")
    chosen = [p for p in compiled if p.parent.suffix != ".yml" and "staging" not in p.parts]
    assert len(chosen) > 20
    broken = {}
    for path in chosen:
        tree = linter.parse_string(path.read_text(encoding="utf-8")).tree
        if tree is None or "unparsable" in tree.type_set():
            broken[path.name] = tree
    assert not broken
