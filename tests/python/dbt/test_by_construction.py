"""What a model's SQL makes true is told from what a row could break."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.python.dbt.by_construction import Model, cannot_be_broken

SQL: Final = """
with labels as (select code, 'x' as label from seeds.labels),
persons as (select p.id, p.trn, coalesce(p.age, 0) as age from marts.p as p),
numbered as (
    select persons.*, row_number() over (order by id) as place, row_number() over (partition by trn order by id) as nth,
        persons.age as years
    from persons
),
final as (
    select
        n.id,
        n.years,
        n.place,
        n.nth,
        labels.label,
        n.id is null as is_missing,
        n.id = n.trn as is_same,
        n.place = 1 as is_first,
        coalesce(n.trn, n.id) as either,
        case when n.id = 1 then 'a' else 'b' end as letter,
        case when n.id = 1 then 'a' end as letter_or_null,
        case when n.id = 1 then 'a' else n.trn end as letter_or_trn
    from numbered as n
    left join labels on n.id = labels.code
)
select * from final
"""


@pytest.mark.parametrize(
    ("column", "expected"),
    {
        "years": True,
        "place": True,
        "is_missing": True,
        "is_first": True,
        "letter": True,
        "id": False,
        "is_same": False,
        "either": False,
        "letter_or_null": False,
        "letter_or_trn": False,
        "label": False,  # of the right side of a left join
        "no_such_column": False,
    }.items(),
)
def test_what_is_never_null(column: str, expected: bool) -> None:
    assert Model(SQL).is_never_null(column) is expected


def test_a_constant_on_each_side_of_a_union_is_never_null() -> None:
    union = "with a as (select 1 as n union all select {} as n from t) select * from a"
    assert Model(union.format("2")).is_never_null("n")
    assert not Model(union.format("x")).is_never_null("n")
    assert Model(union.format("2")).values("n") == {"1", "2"}


def test_values_are_those_of_all_branches() -> None:
    model = Model(SQL)
    assert model.values("letter") == {"a", "b"}
    assert model.values("letter_or_null") == {"a"}
    assert model.values("letter_or_trn") is None
    assert model.values("id") is None


def test_a_row_number_over_everything_is_unique_and_one_over_parts_is_not() -> None:
    model = Model(SQL)
    assert [name for name in ("id", "place", "nth") if model.is_row_number(name)] == ["place"]


def test_rules_that_say_nothing_are_named() -> None:
    rules: dict[str, dict[str, Any]] = {
        "id": {"required": True, "unique": True},
        "years": {"required": True},
        "place": {"unique": True},
        "nth": {"unique": True},
        "letter": {"accepted": ["a", "b", "c"]},
        "letter_or_null": {"accepted": ["b"]},
        "is_missing": {"accepted": [True]},
    }
    node = {
        "name": "fct_letter",
        "compiled_code": SQL,
        "config": {"meta": {"grain": ["id"]}},
        "columns": {name: {"config": {"meta": meta}} for name, meta in rules.items()},
    }
    assert cannot_be_broken(node) == {
        "fct_letter.years required",
        "fct_letter.place unique",
        "fct_letter.letter accepted",
    }
