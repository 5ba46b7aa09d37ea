"""A National Insurance number under another name, through every kind of expression, is found with its path."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.core.classes import Classes
from warehouse.core.errors import ClassTooLow
from warehouse.core.lineage import check as checking
from warehouse.core.lineage.project import Facts, Lineage, read_project
from warehouse.core.lineage.query import Unreadable, read

PERSONS = ("trw_build_staging", "persons")
CODES = ("trw_build_seeds", "codes")
TABLES = {
    PERSONS: ("staging.persons", ["person_id", "nino", "date_of_birth", "details", "gender", "is_open"]),
    CODES: ("seeds.codes", ["code", "label", "rank"]),
}
CLASSES = {"person_id": "personal", "nino": "sensitive", "date_of_birth": "sensitive", "details": "sensitive"}
CLASSES |= {"gender": "personal", "is_open": "open"}
NO_TERMS = Classes({})
P, C = "trw_build_staging.persons", "trw_build_seeds.codes"


def class_of(sql: str, column: str = "x", dialect: str = "postgres") -> str:
    """The class that a column of a query has at least."""
    return judged(sql, dialect).least(checking.Origin("marts.m", column))


def judged(sql: str, dialect: str = "postgres") -> checking.Judge:
    return checking.Judge(lineage_of(sql, dialect), NO_TERMS, lambda *_: False)


def lineage_of(sql: str, dialect: str = "postgres", **more: str) -> Lineage:
    """The lineage of one mart upon two seeds, whose columns state their classes."""
    return read_project(manifest(sql, **more), {}, "trw_build_", dialect)


def manifest(sql: str, raw: str = "", macro: str = "", macro_name: str = "age_band") -> Facts:
    nodes = {}
    for (schema, name), (_, columns) in TABLES.items():
        nodes[f"seed.p.{name}"] = {
            "unique_id": f"seed.p.{name}",
            "resource_type": "seed",
            "name": name,
            "alias": name,
            "schema": schema,
            "columns": {one: {"config": {"meta": {"class": CLASSES.get(one, "open")}}} for one in columns},
        }
    nodes["model.p.m"] = {
        "unique_id": "model.p.m",
        "resource_type": "model",
        "name": "m",
        "alias": "m",
        "schema": "trw_build_marts",
        "columns": {"x": {"doc_blocks": ["doc.p.none"]}},
        "depends_on": {"nodes": list(nodes), "macros": ["macro.p.used"]},
        "raw_code": raw,
        "compiled_code": sql,
    }
    used = {
        "name": macro_name,
        "package_name": "teaching_record_warehouse",
        "macro_sql": macro or "/* released: age_band */ (…)",
        "depends_on": {"macros": []},
    }
    return {"nodes": nodes, "sources": {}, "macros": {"macro.p.used": used}}


RENAMED = {
    "a new name": f"select nino as x from {P}",
    "select *": f"with a as (select nino as x, is_open from {P}), b as (select * from a) select * from b",
    "a star of one table": f"with a as (select nino as x from {P}) select a.* from a cross join {C} as c",
    "coalesce": f"select coalesce(nullif(nino, ''), 'none') as x from {P}",
    "concatenation": f"select 'PR-' || person_id || '-' || nino as x from {P}",
    "a format": f"select format('%s', nino) as x from {P}",
    "concat_ws": f"select concat_ws('-', is_open, nino) as x from {P}",
    "part of it": f"select left(nino, 2) as x from {P}",
    "reversed": f"select reverse(substring(nino from 3 for 4)) as x from {P}",
    "hashed without a key": f"select md5(nino) as x from {P}",
    "encoded": f"select encode(sha256(convert_to(nino, 'UTF8')), 'hex') as x from {P}",
    "the result of a case": f"select case when is_open then nino else '-' end as x from {P}",
    "the condition of a case": f"select case when nino like 'QQ%' then 1 else 0 end as x from {P}",
    "a simple case": f"select case nino when 'QQ123456A' then 'a' else 'b' end as x from {P}",
    "a comparison": f"select nino = 'QQ123456A' as x from {P}",
    "a pattern": f"select nino ~ '^QQ' as x from {P}",
    "in a list": f"select nino in ('a', 'b') as x from {P}",
    "between": f"select date_of_birth between date '1980-01-01' and date '1981-01-01' as x from {P}",
    "greatest": f"select greatest(nino, gender) as x from {P}",
    "a cast": f"select cast(date_of_birth as text) as x from {P}",
    "a part of a date": f"select extract(year from date_of_birth) as x from {P}",
    "arithmetic": f"select date '2026-01-01' - date_of_birth as x from {P}",
    "JSON, by arrow": f"select details ->> 'nino' as x from {P}",
    "JSON, by path": f"select details #>> '{{a,b}}' as x from {P}",
    "JSON, built": f"select jsonb_build_object('n', nino) as x from {P}",
    "JSON, a row of it": f"select e.value as x from {P} as p cross join lateral jsonb_each(p.details) as e(key, value)",
    "an array": f"select array[nino, gender] as x from {P}",
    "an element of an array": f"select (array[nino, gender])[1] as x from {P}",
    "unnest": f"select u.v as x from {P} as p cross join lateral unnest(array[p.nino]) as u(v)",
    "a union, first": f"select nino as x from {P} union all select label from {C}",
    "a union, second": f"select label as x from {C} union all select nino from {P}",
    "a union, by place": f"select label as x, code from {C} union select nino as code, label as x from {P}, {C}",
    "except": f"select label as x from {C} except select nino from {P}",
    "intersect": f"select label as x from {C} intersect select nino from {P}",
    "a union of constants": f"select person_id, 'a' as x from {P} where nino > 'M' union all "
    f"select person_id, 'b' from {P} where nino <= 'M'",
    "a window's value": f"select max(nino) over (partition by is_open) as x from {P}",
    "a window's order": f"select row_number() over (order by nino) as x from {P}",
    "a window's partition": f"select count(*) over (partition by nino) as x from {P}",
    "a named window": f"select rank() over w as x from {P} window w as (order by nino)",
    "lag": f"select lag(nino) over (order by person_id) as x from {P}",
    "an aggregate": f"select max(nino) as x from {P} group by is_open",
    "string_agg": f"select string_agg(nino, ',' order by person_id) as x from {P}",
    "the order of an aggregate": f"select string_agg(is_open::text, ',' order by nino) as x from {P}",
    "a filtered aggregate": f"select count(*) filter (where nino like 'Q%') as x from {P}",
    "count distinct": f"select count(distinct nino) as x from {P} group by gender",
    "a subquery": f"select (select max(p.nino) from {P} as p) as x from {C}",
    "a correlated subquery": f"select (select p.nino from {P} as p where p.person_id = c.code) as x from {C} as c",
    "a correlated condition": f"select (select 'a' from {C} as c where c.code = p.nino) as x from {P} as p",
    "exists": f"select exists (select 1 from {P} as p where p.nino = c.code) as x from {C} as c",
    "in a subquery": f"select code in (select nino from {P}) as x from {C}",
    "a derived table": f"select x from (select nino as x from {P}) as t",
    "columns renamed by an alias": f"select t.x from (select is_open, nino from {P}) as t (y, x)",
    "a CTE with column names": f"with t (y, x) as (select is_open, nino from {P}) select x from t",
    "lateral": f"select l.x from {C} as c cross join lateral (select p.nino as x from {P} as p) as l",
    "a lateral's outer column": f"select l.x from {P} as p cross join lateral (select p.nino || '' as x) as l",
    "values": f"select v.x from {P} as p cross join lateral (values (p.nino)) as v (x)",
    "a recursive CTE": f"with recursive r as (select person_id as a, is_open::text as b, nino as x from {P} union all "
    "select a, b, x from r) select x from r",
    "a recursive CTE that moves it": f"with recursive r as (select gender as x, is_open::text as b, nino as c from {P} "
    "union all select b, c, b as d from r) select x from r",
    "a filter": f"select 1 as x from {P} where nino like 'QQ%'",
    "a filter in a CTE": f"with a as (select person_id from {P} where nino > 'M') select 'yes' as x from a",
    "having": f"select is_open as x from {P} group by is_open having max(nino) > 'M'",
    "an inner join": f"select c.label as x from {C} as c inner join {P} as p on c.code = p.nino",
    "an inner join's other side": f"select p.is_open as x from {C} as c inner join {P} as p on c.code = p.nino",
    "a left join, looked up": f"select c.label as x from {P} as p left join {C} as c on c.code = p.nino",
    "a left join, listed": f"select c.label as x from {C} as c left join {P} as p on c.code = p.nino",
    "a right join, listed": f"select c.label as x from {P} as p right join {C} as c on c.code = p.nino",
    "a full join": f"select c.label as x from {P} as p full join {C} as c on c.code = p.nino",
    "a join in where": f"select c.label as x from {P} as p, {C} as c where c.code = p.nino",
    "a join on a range": f"select c.label as x from {P} as p left join {C} as c on p.nino between c.code and c.label",
    "a join on an expression": f"select c.rank as x from {P} as p left join {C} as c on lower(p.nino) = c.code || ''",
    "a mark of a join": f"select c.code is not null as x from {P} as p left join {C} as c on c.code = p.nino",
    "a mark of a filter": f"with a as (select person_id from {P} where nino > 'M') "
    f"select a.person_id is not null as x from {P} as p left join a on a.person_id = p.person_id",
    "distinct on": f"select distinct on (nino) is_open as x from {P} order by nino",
    "order and limit": f"select is_open as x from {P} order by nino limit 1",
    "not null, and the value": f"select case when nino is not null then nino end as x from {P}",
    "an alias used again": f"with a as (select nino as n from {P}), b as (select n as m from a) select m as x from b",
}


@pytest.mark.parametrize("how", RENAMED)
def test_a_sensitive_column_under_another_name_stays_sensitive(how: str) -> None:
    lineage = lineage_of(RENAMED[how])
    assert not lineage.unread
    assert class_of(RENAMED[how]) == "sensitive"


PERSONAL = {
    "a look-up of its label": f"select c.label as x from {P} as p left join {C} as c on c.code = p.gender",
    "a list of its labels": f"select c.label as x from {C} as c left join {P} as p on c.code = p.gender",
    "an inner look-up": f"select c.label as x from {P} as p inner join {C} as c on c.code = p.gender",
    "a look-up in constants": "select t.label as x from "
    f"{P} as p left join (values ('1', 'm'), ('2', 'f')) as t (code, label) on t.code = p.gender",
    "constants of a union": f"select 'f' as x from {P} where gender = '2' union all "
    f"select 'm' from {P} where gender = '1'",
    "a mark of a filter": f"with a as (select person_id from {P} where gender = '2') "
    f"select a.person_id is not null as x from {P} as p left join a on a.person_id = p.person_id",
}


@pytest.mark.parametrize("how", PERSONAL)
def test_a_personal_column_stays_personal_also_through_a_look_up(how: str) -> None:
    assert class_of(PERSONAL[how]) == "personal"


OPEN = {
    "whether it is there": f"select nino is null as x from {P}",
    "whether it is not there": f"select nino is not null as x from {P}",
    "a case of whether it is there": f"select case when nino is null then 'no' else 'yes' end as x from {P}",
    "rows where it is there": f"select is_open as x from {P} where nino is not null",
    "another column": f"select is_open as x from {P}",
    "a join by an identifier": f"select q.is_open as x from {P} as p inner join {P} as q on p.person_id = q.person_id",
    "the kept side of a join": f"select p.is_open as x from {P} as p left join {P} as q on p.person_id = q.nino",
    "the number of rows": f"select count(*) as x from {P}",
    "a filter by an open column": f"select is_open as x from {P} where is_open",
    "a row number within a person": f"select row_number() over (partition by person_id order by is_open) as x from {P}",
    "a constant": f"select 1 as x from {P}",
}


@pytest.mark.parametrize("how", OPEN)
def test_what_says_nothing_of_a_value_is_not_held_against_a_column(how: str) -> None:
    assert class_of(OPEN[how]) == "open"


UNREADABLE = {
    "nothing": "",
    "two statements": f"select 1 as x; select nino as x from {P}",
    "no query": "delete from trw_build_staging.persons",
    "a table that dbt does not know of": "select n as x from public.persons",
    "a table without a schema": "select nino as x from persons",
    "a whole row": f"select p as x from {P} as p",
    "a whole row as text": f"select p::text as x from {P} as p",
    "a whole row as JSON": f"select to_jsonb(p) as x from {P} as p",
    "a function that runs SQL": "select query_to_xml('select nino from persons', true, true, '') as x",
    "a function that nobody knows": f"select my_own(1) as x from {P}",
    "a column that is not there": f"select ninoo as x from {P}",
    "a natural join": f"select is_open as x from {P} natural join {C}",
    "two columns of one name": f"select is_open as x, nino as x from {P}",
    "a release that is called as a function": f"select released__age_band(nino) as x from {P}",
    "no SQL at all": "selec nino form",
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_what_is_not_understood_fails_closed(what: str) -> None:
    lineage = lineage_of(UNREADABLE[what])
    assert list(lineage.unread) == ["marts.m"]
    with pytest.raises(ClassTooLow, match="It is not known what the columns of 1 models are made of") as caught:
        checking.check(lineage, NO_TERMS, lambda *_: False)
    assert caught.value.exit_code == 28


def test_an_unreadable_literal_is_not_quoted() -> None:
    with pytest.raises(Unreadable) as caught:
        read("select 'QQ123456A' as x frm )", TABLES)
    assert "QQ123456A" not in str(caught.value)


MARKED = f"select /* released: age_band */ (case when date_of_birth > date '2000-01-01' then 'a' end) as x from {P}"


def test_a_macro_of_the_list_releases_a_value() -> None:
    assert class_of(MARKED) == "open"
    assert class_of(MARKED.replace("date_of_birth", "nino").replace("age_band", "keyed_pseudonym")) == "sensitive"


def test_a_release_is_of_the_value_within_and_of_no_other() -> None:
    beside = MARKED.replace(" as x from", " || nino as x from")
    assert class_of(beside) == "sensitive"
    assert class_of(MARKED + " where nino > 'M'") == "sensitive"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"raw": MARKED}, "it writes the mark of a release itself"),
        ({"macro_name": "mine"}, "the macro used writes the mark of another release"),
        ({"macro": "no mark here", "macro_name": "other"}, "it has the mark of a release whose macro it does not call"),
        ({"macro": "/* released: none */ ()", "macro_name": "none"}, "whose macro it does not call"),
    ],
)
def test_a_mark_that_no_macro_of_its_name_wrote_is_refused(change: dict[str, str], words: str) -> None:
    assert words in lineage_of(MARKED, **change).unread["marts.m"]


def test_a_release_that_the_list_lacks_releases_nothing() -> None:
    own = {"macro": "/* released: mine */ (…)", "macro_name": "mine"}
    lineage = lineage_of(MARKED.replace("age_band", "mine"), **own)
    assert not lineage.unread
    judge = checking.Judge(lineage, NO_TERMS, lambda *_: False)
    assert judge.least(checking.Origin("marts.m", "x")) == "sensitive"


def test_the_path_is_named_from_what_leaves_to_where_it_comes_from() -> None:
    judge = judged(f"with a as (select nino as n from {P}) select n || '' as x from a")
    (first, last) = judge.path(checking.Origin("marts.m", "x"))
    assert str(first) == "marts.m.x (sensitive)"
    assert str(last) == "staging.persons.nino (sensitive)"


def test_a_reason_of_a_person_lets_a_class_be_lower() -> None:
    lineage = lineage_of(f"select nino as x from {P}")
    terms = Classes({})
    terms.stated = lambda *_: "open"  # type: ignore[method-assign]
    asked: list[tuple[str, ...]] = []
    with pytest.raises(ClassTooLow, match=r"marts\.m\.x \(open\) ← staging\.persons\.nino \(sensitive\)"):
        checking.check(lineage, terms, lambda *given: bool(asked.append(given)))  # type: ignore[func-returns-value]
    assert asked == [("m", "x", "sensitive", "open")]
    assert checking.check(lineage, terms, lambda *_: True).least(checking.Origin("marts.m", "x")) == "open"


def test_the_lineage_that_the_ledger_keeps_is_the_same() -> None:
    lineage = lineage_of(RENAMED["a mark of a filter"])
    assert Lineage.of_json(lineage.as_json()) == lineage


def test_sql_that_has_not_changed_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sql = RENAMED["a mark of a filter"]
    before = lineage_of(sql)
    monkeypatch.setattr("warehouse.core.lineage.query.read", None)
    assert read_project(manifest(sql), {}, "trw_build_", before=before) == before
    with pytest.raises(TypeError):
        read_project(manifest(sql + " "), {}, "trw_build_", before=before)


@pytest.mark.parametrize(
    "sql",
    [
        "select to_hex(sha256(cast(nino as bytes))) as x from `db`.`trw_build_staging`.`persons`",
        "select json_value(details, '$.nino') as x from `db`.`trw_build_staging`.`persons`",
        "select string_agg(nino, ',') as x from `db`.`trw_build_staging`.`persons`",
        "select u as x from `db`.`trw_build_staging`.`persons` as p cross join unnest([p.nino]) as u",
        "select is_open as x from `db`.`trw_build_staging`.`persons` qualify row_number() over (order by nino) = 1",
        "select * except (nino), nino as x from `db`.`trw_build_staging`.`persons`",
    ],
)
def test_the_sql_of_bigquery_is_read_too(sql: str) -> None:
    assert class_of(sql, dialect="bigquery") == "sensitive"


# -- any expression of these, nested: what has the number in it is sensitive, what has not is not ------------------

_LEAF = st.sampled_from(["p.nino", "p.is_open", "'a'", "p.rank"])
_WRAP = st.sampled_from(
    [
        "coalesce({}, {})",
        "({} || {})",
        "case when {} > 'M' then {} end",
        "nullif({}, {})",
        "greatest({}, {})",
        "max({}) over (order by {})",
        "(select max(v.a) from (values ({}), ({})) as v (a))",
        "({} = {})",
        "replace({}, {}, '')",
        "(array[{}, {}])[1]",
    ]
)
_EXPRESSIONS = st.recursive(
    _LEAF, lambda inner: st.builds(lambda w, a, b: w.format(a, b), _WRAP, inner, inner), max_leaves=6
)


@given(_EXPRESSIONS, st.sampled_from(["plain", "cte", "derived", "union", "lateral", "star"]))
def test_any_nesting_keeps_the_class(expression: str, shape: str) -> None:
    base = f"(select nino, is_open, 1 as rank from {P}) as p"
    sql = {
        "plain": f"select {expression} as x from {base}",
        "cte": f"with a as (select {expression} as y from {base}), b as (select y as x from a) select x from b",
        "derived": f"select d.y as x from (select {expression} as y from {base}) as d",
        "union": f"select 'a' as x union all select {expression} from {base}",
        "lateral": f"select l.y as x from {base} cross join lateral (select {expression} as y) as l",
        "star": f"with a as (select {expression} as x from {base}) select * from a",
    }[shape]
    assert not lineage_of(sql).unread
    assert class_of(sql) == ("sensitive" if "nino" in expression else "open")


def test_reasons_are_read_from_the_file_of_reasons() -> None:
    assert not checking.by_reason(date(2026, 11, 28))("dim_person", "no_such_column", "sensitive", "open")
