"""The field dictionary is read as it is written; what is wrong in it is named by its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from warehouse.core.errors import TermsError
from warehouse.core.terms import Term, load_terms, model_columns

TRN = "{% docs trn %}\n{# string, personal #}\nSeven digits.\nOne per person.\n{% enddocs %}\n"


def _dictionary(folder: Path, text: str) -> Path:
    (folder / "person.md").write_text(text, encoding="utf-8")
    return folder


def test_a_term_is_type_class_and_meaning(tmp_path: Path) -> None:
    found = load_terms(_dictionary(tmp_path, "# Person\n\n" + TRN))
    assert found == {"trn": Term("trn", "personal", "string", "Seven digits.\nOne per person.", None, "person")}


def test_a_lower_class_has_a_reason(tmp_path: Path) -> None:
    text = "{% docs size %}\n{# numeric(5, 2), open: of a school, of no person #}\nIts size.\n{% enddocs %}\n"
    size = load_terms(_dictionary(tmp_path, text))["size"]
    assert (size.type, size.classification, size.because) == ("numeric(5, 2)", "open", "of a school, of no person")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{% docs trn %}\nSeven digits.\n{% enddocs %}", "does not begin with its type and class"),
        ("{% docs trn %}\n{# string #}\nSeven digits.\n{% enddocs %}", "does not begin with its type and class"),
        ("{% docs trn %}\n{# text, open #}\nSeven digits.\n{% enddocs %}", "the type `text`"),
        ("{% docs trn %}\n{# string, secret #}\nSeven digits.\n{% enddocs %}", "the class `secret`"),
        ("{% docs trn %}\n{# string, open #}\n{% enddocs %}", "has no meaning"),
        (TRN + TRN, "there twice"),
    ],
)
def test_a_mistake_is_named_by_its_place(text: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(TermsError) as caught:
        load_terms(_dictionary(tmp_path, text))
    assert expected in caught.value.what
    assert "person.md" in caught.value.what and "`trn`" in caught.value.what


def _model(folder: Path, columns: str) -> Path:
    (folder / "marts").mkdir()
    (folder / "marts" / "dim_person.yml").write_text(f"models:\n  - name: dim_person\n    columns:\n{columns}")
    return folder


def test_a_column_has_the_term_that_its_description_names(tmp_path: Path) -> None:
    columns = "      - {name: reference, data_type: string, description: '{{ doc(\"trn\") }}'}\n"
    (column,) = model_columns("dim_person", load_terms(_dictionary(tmp_path, TRN)), _model(tmp_path, columns))
    assert (column.name, column.term.name, column.data_type) == ("reference", "trn", "string")


@pytest.mark.parametrize("description", ["Seven digits.", "'{{ doc(\"nobody\") }}'"])
def test_a_column_without_a_term_is_an_error(description: str, tmp_path: Path) -> None:
    models = _model(tmp_path, f"      - {{name: trn, description: {description}}}\n")
    with pytest.raises(TermsError) as caught:
        model_columns("dim_person", load_terms(_dictionary(tmp_path, TRN)), models)
    assert "`trn`" in caught.value.what and "dim_person.yml" in caught.value.what


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TermsError):
        model_columns("dim_person", {}, tmp_path)


def test_every_block_of_the_dictionary_is_a_term() -> None:
    terms = load_terms()
    assert terms["trn"].classification == "personal"
    assert terms["gap_from_time"].type == "timestamp"
    columns = {one.name: one for one in model_columns("fct_replication_gaps", terms)}
    assert columns["from_time"].term is terms["gap_from_time"]
    assert columns["from_time"].data_type == "timestamp"
