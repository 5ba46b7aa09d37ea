"""`make docs` adds to a model's YAML the columns that its SQL selects, and changes nothing else there."""

from __future__ import annotations

import pytest

from docs.columns import complete, completed, selected
from warehouse.core.errors import TermsError
from warehouse.core.terms import Term

SQL = """
with

final as (

    select
        {{ as_text('a.b') }} as first,  -- not this, nor that
        coalesce(a.x, case when a.y then 1 end) as second,
        a.third
    from a

)

select * from final
"""
YML = """\
models:
  - name: dim_one
    config: {contract: {enforced: true}}
    columns:
      - name: first
        data_type: string
        description: '{{ doc("first") }}'
        data_tests: [not_null]

unit_tests: []
"""


def term(name: str, type_: str) -> Term:
    return Term(name, "open", type_, "A meaning.", None, "page")


def test_the_names_that_a_model_selects() -> None:
    assert selected(SQL) == ["first", "second", "third"]
    text = SQL.replace("a.third", "'one from another, at the end' as third  -- a person's word")
    assert selected(text) == ["first", "second", "third"]


def test_a_column_is_added_behind_the_one_before_it() -> None:
    terms = {"second": term("second", "integer"), "third": term("third", "timestamp")}
    assert completed(SQL, YML, terms) == YML.replace(
        "        data_tests: [not_null]\n",
        "        data_tests: [not_null]\n"
        "      - name: second\n        data_type: integer\n        description: '{{ doc(\"second\") }}'\n"
        "      - name: third\n"
        "        data_type: \"{{ 'timestamp' if target.type == 'bigquery' else 'timestamptz' }}\"\n"
        "        description: '{{ doc(\"third\") }}'\n",
    )


def test_a_column_without_a_contract_has_no_type() -> None:
    open_ = YML.replace("{contract: {enforced: true}}", "{}")
    assert "data_type: integer" not in completed(SQL, open_, {n: term(n, "integer") for n in ("second", "third")})


def test_a_column_without_a_term_is_an_error() -> None:
    with pytest.raises(TermsError, match="`second` of dim_one"):
        completed(SQL, YML, {})


def test_the_models_are_complete() -> None:
    assert not [file.name for file, text in complete().items() if text != file.read_text(encoding="utf-8")], "make docs"
