"""replication/trs.yml: default deny, and a clear message for each way to get it wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.core import fast_yaml
from warehouse.core.errors import ClassificationError
from warehouse.replicate import load_classification
from warehouse.replicate.catalog.relations import SourceColumn
from warehouse.replicate.classification import Classification, check_against

NAMES = st.text("abc_", min_size=1, max_size=3)
LINES = st.one_of(
    st.sampled_from(["open", "personal", "sensitive", "secret"]),
    st.builds(
        lambda kind, replicate: {"class": kind, "replicate": replicate, "because": "a reason"},
        st.sampled_from(["open", "personal", "sensitive", "secret"]),
        st.booleans(),
    ),
)
FILES = st.dictionaries(
    NAMES,
    st.builds(
        lambda columns, replicate: {"columns": columns, "replicate": replicate, "because": "a reason"},
        st.dictionaries(NAMES, LINES, min_size=1, max_size=4),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
)


def parsed(tables: dict[str, object]) -> Classification:
    return Classification.model_validate({"source": "trs", "schema": "public", "tables": tables})


@given(FILES)
def test_only_what_is_classified_and_no_secret_is_published(tables: dict[str, object]) -> None:
    classification = parsed(tables)
    for table, columns in classification.published.items():
        entry = classification.tables[table]
        assert entry.replicate
        for column in columns:
            assert entry.columns[column].replicate
            assert entry.columns[column].classification != "secret"


@given(FILES, st.dictionaries(NAMES, st.sets(NAMES, min_size=1), max_size=4))
def test_new_columns_are_never_published(tables: dict[str, object], more: dict[str, set[str]]) -> None:
    classification = parsed(tables)
    names = {table: set(entry.columns) for table, entry in classification.tables.items()}
    source = {
        table: {
            column: SourceColumn(column, "text", None) for column in names.get(table, set()) | more.get(table, set())
        }
        for table in names.keys() | more.keys()
    }
    held = check_against(classification, source)
    for table, column in held.columns:
        assert column not in classification.published.get(table, [])
    for table in held.tables:
        assert table not in classification.published
    seen = {(table, column) for table, columns in source.items() for column in columns}
    listed = {(table, column) for table, columns in names.items() for column in columns}
    waiting = set(held.columns) | {(table, column) for table in held.tables for column in source[table]}
    assert seen - listed == waiting


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tables: [", "not valid YAML"),
        ("source: trs\nschema: public\ntables: {t: {columns: {c: public}}}", "tables.t.columns.c.class"),
        ("source: trs\nschema: public\ntables: {t: {replicate: false, columns: {c: open}}}", "needs a reason"),
        ("source: trs\nschema: public\ntables: {t: {columns: {c: {class: open, replicate: false}}}}", "needs a reason"),
        ("source: trs\nschema: public\ntables: {t: {column: {}}}", "tables.t"),
        ("[]", "wrong at"),
    ],
)
def test_a_mistake_is_told_by_its_place(text: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "trs.yml"
    file.write_text(text)
    with pytest.raises(ClassificationError) as caught:
        load_classification(file)
    assert told in caught.value.what


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ClassificationError, match="cannot be read"):
        load_classification(tmp_path / "trs.yml")


def test_an_edit_is_read_by_a_process_that_has_read_the_file_before(tmp_path: Path) -> None:
    file = tmp_path / "trs.yml"
    text = "source: trs\nschema: public\ntables: {t: {columns: {c: %s}}}"
    file.write_text(text % "open")
    before = load_classification(file)
    file.write_text(text % "personal")
    after = load_classification(file)
    classes = [read.tables["t"].columns["c"].classification for read in (before, after)]
    assert classes == ["open", "personal"]
    assert before.file_sha256 != after.file_sha256
    file.with_name("trs_json.yml").write_text("columns: {}")
    assert load_classification(file).file_sha256 != after.file_sha256


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "trs.yml").write_bytes(b"source: tr\xff")
    with pytest.raises(ClassificationError, match="not text in UTF-8"):
        load_classification(tmp_path / "trs.yml")


def test_no_credential_is_published() -> None:
    """The classes of the file itself: names that mean a credential stay behind, whatever table they are in."""
    published = {
        f"{table}.{column}" for table, columns in load_classification().published.items() for column in columns
    }
    words = ("secret", "private_key", "token", "password", "json_web_key")
    assert [name for name in published if any(word in name for word in words)] == []
    assert "api_keys.key" not in published


def test_the_file_says_why_for_all_that_stays_behind() -> None:
    raw = fast_yaml.safe_load((Path(__file__).parents[3] / "replication" / "trs.yml").read_text())
    assert all(table.get("because") for table in raw["tables"].values() if table.get("replicate") is False)
