"""The views of the old names against the replica: names, types, content, keys and commit times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import psycopg

from warehouse.core import fast_yaml, old_names
from warehouse.core.old_names import OldColumn
from warehouse.core.settings import PROJECT
from warehouse.query.reads import reads

if TYPE_CHECKING:
    from tests.python.dbt.built import Built

_TYPES: Final = {
    "text": "text",
    "array": "text",
    "json": "text",
    "int": "integer",
    "bit": "integer",
    "bigint": "bigint",
    "date": "date",
    "datetime": "timestamp without time zone",
}

# How the rows of a view of the old customer system find those of the replica.
_ROUTE: Final = "coalesce(r.{}, r.qualification_id)::text = v.id and r.person_id::text = v.dfeta_personid"
_FOUND: Final = {
    "contact": "r.person_id::text = v.id",
    "dfeta_induction": "r.person_id::text = v.id",
    "dfeta_initialteachertraining": _ROUTE.format("dqt_initial_teacher_training_id"),
    "dfeta_qtsregistration": _ROUTE.format("dqt_qts_registration_id"),
    "dfeta_qualification": "r.qualification_id::text = v.id",
    "dfeta_sanction_legacy": "r.alert_id::text = v.id",
    "annotation": "r.note_id::text = v.id",
    "account": "r.training_provider_id::text = v.id",
    "dfeta_country": "r.country_id = v.id",
    "incident": "r.support_task_reference = v.id",
    "dfeta_integrationtransaction": "r.integration_transaction_id::text = v.id",
}

# What every client can read: staging has null for other dates (and `{}` for a list that is null).
_IN_CALENDAR: Final = "case when {0} between '0001-01-01 16:00+00' and '9999-12-31 09:59:59+00' then {1} end"

_REPLICA_TYPES: Final = """
select c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod)
from pg_class as c join pg_attribute as a on a.attrelid = c.oid
where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0
"""
_VIEW_TYPES: Final = """
select c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
from pg_class as c join pg_attribute as a on a.attrelid = c.oid
where c.relnamespace = 'aside_legacy'::regnamespace and c.relkind = 'v' and a.attnum > 0 and c.relname <> 'coverage'
"""
_UNEQUAL: Final = """
select count(*) from {view} as v {join} join {replica} as r on {found}
where v is null or r is null or {unequal}
"""
_REPEATED: Final = "select count(*) from (select 1 from aside_legacy.{view} group by {key} having count(*) > 1) as d"


def _old(column: OldColumn, replica_type: str) -> str:
    """The replica's value in the old type."""
    value = f"r.{column.made_of.split('.')[1]}"
    if replica_type.startswith("timestamp"):
        return _IN_CALENDAR.format(value, f"{value} at time zone 'UTC'")
    if replica_type == "date":
        return _IN_CALENDAR.format(value, f"{value}::timestamp" if column.view_type == "datetime" else value)
    if replica_type.startswith("character("):
        return f"nullif(trim({value}::text), '')"
    if replica_type.endswith("[]"):
        return f"coalesce({value}::text, '{{}}')"
    return f"{value}::{_TYPES.get(column.view_type, 'numeric')}"


def _views() -> dict[str, dict[str, OldColumn]]:
    """The columns that each view shows."""
    shown: dict[str, dict[str, OldColumn]] = {}
    for one in old_names.load():
        if one.outcome != "gone":
            shown.setdefault(one.table, {})[one.name] = one
    return shown


def _grains() -> dict[str, list[str]]:
    folder = PROJECT / "models" / "legacy"
    models = [fast_yaml.safe_load(file.read_text(encoding="utf-8"))["models"] for file in folder.glob("*/*.yml")]
    return {one["name"]: one["config"]["meta"]["grain"] for listed in models for one in listed}


class TestLegacy:
    def test_each_view_has_the_old_names_and_types(self, built: Built) -> None:
        found: dict[str, dict[str, str]] = {}
        for view, column, type_ in built.rows(_VIEW_TYPES):
            found.setdefault(view, {})[column] = type_
        expected = {
            view: {name: _TYPES.get(c.view_type, c.view_type.replace("decimal", "numeric")) for name, c in cs.items()}
            for view, cs in _views().items()
        }
        spaceless = {view: {n: t.replace(", ", ",") for n, t in types.items()} for view, types in expected.items()}
        assert found.pop("dfeta_sanction") == found["dfeta_sanction_legacy"]
        assert len(found) == 21 + 26
        assert found == spaceless

    def test_what_is_the_same_has_the_content_of_the_replica(self, built: Built) -> None:
        types = dict(built.rows(_REPLICA_TYPES))
        compared = 0
        for view, columns in _views().items():
            same = {name: one for name, one in columns.items() if one.outcome == "same"}
            tables = {one.made_of.split(".")[0] for one in same.values()}
            if not same:
                continue
            assert len(tables) == 1, view
            (replica,) = tables
            whole = view.startswith("trs_")
            grain = [name for name in _grains()[view] if whole]
            found = " and ".join(f"v.{k} = {_old(same[k], types[same[k].made_of])}" for k in grain) or _FOUND[view]
            unequal = " or ".join(
                f"v.{name} is distinct from {_old(one, types[one.made_of])}" for name, one in same.items()
            )
            asked = _UNEQUAL.format(
                view=f"aside_legacy.{view}",
                # A replica has every row; the other views have some.
                join="full" if whole else "left",
                replica=f"public.{replica}",
                found=found,
                unequal=unequal,
            )
            assert built.number(asked) == 0, view
            compared += len(same)
        assert compared == len([one for one in old_names.load() if one.outcome == "same"]) > 400

    def test_a_key_is_unique(self, built: Built) -> None:
        grains = _grains()
        for view in (*_views(), "dfeta_sanction"):
            assert built.number(_REPEATED.format(view=view, key=", ".join(grains[view]))) == 0, view

    def test_rows_are_those_that_trs_has_not_deleted(self, built: Built) -> None:
        live = "deleted_on is null"
        for view, counted in {
            "contact": "select count(*) from persons",
            "dfeta_induction": "select count(*) from persons where induction_status <> 0",
            "dfeta_sanction": f"select count(*) from alerts where {live}",
            "dfeta_qualification": f"select count(*) from qualifications where qualification_type = 0 and {live}",
            "dfeta_initialteachertraining": f"""select count(*) from qualifications where qualification_type = 1
                and {live} and (dqt_initial_teacher_training_id is not null or dqt_qts_registration_id is null)""",
            "annotation": "select count(*) from notes",
            "account": "select count(*) from training_providers",
        }.items():
            assert built.number(f"select count(*) from aside_legacy.{view}") == built.number(counted) > 0, view

    def test_times_of_loading_are_commit_times(self, built: Built) -> None:
        alerts = """select count(*) from aside_legacy.trs_alerts as v join alerts as a on a.alert_id::text = v.alert_id
            where v.__inserted = coalesce(a.created_on, '2026-09-01 02:00Z') at time zone 'UTC'
            and v.__updated = v.__inserted"""
        assert built.number(alerts) == built.number("select count(*) from alerts") > 0
        people = "select count(*) from aside_legacy.contact where __inserted = '2019-09-01 02:00'"
        assert built.number(people) == built.number("select count(*) from persons")
        changed = "select count(*) from aside_legacy.contact where __updated > __inserted"
        assert built.number(changed) == built.number("select count(*) from versions.persons where operation = 'U'") > 0

    def test_coverage_counts_every_column(self, built: Built) -> None:
        counted = dict(built.rows("select outcome, count(*) from aside_legacy.coverage group by 1"))
        assert sum(counted.values()) == 4_230
        assert set(counted) == {"same", "derived", "gone"}
        assert built.number("select count(distinct legacy_table) from aside_legacy.coverage") == 84
        unexplained = """select count(*) from aside_legacy.coverage where case outcome when 'same' then made_of
            when 'derived' then explanation else explanation || gone_since end is null"""
        assert built.number(unexplained) == 0

    def test_reads_are_counted_where_the_server_counts_statements(self, built: Built) -> None:
        with psycopg.connect(built.conninfo, autocommit=True) as connection:
            connection.execute("drop extension if exists pg_stat_statements")
            before = reads(connection, "aside_legacy")
            assert (before.reads, before.since) == ([], None)
            assert before.why_not is not None and "no extension pg_stat_statements" in before.why_not
            connection.execute("create extension pg_stat_statements")
            connection.execute("select pg_stat_statements_reset()")
            for limit in (1, 2, 3):
                connection.execute(f"select id from aside_legacy.contact where statecode = 0 limit {limit}".encode())
            connection.execute("/* a report */ select id from aside_legacy.account where statecode = 0 /* daily */")
            connection.execute('with c as (table aside_legacy.contact) select count(*) from c, "aside_legacy".account')
            # Neither of these reads it.
            connection.execute("comment on view aside_legacy.incident is 'a case'")
            connection.execute("/* a job */ create temp view seen as select id from aside_legacy.incident")
            found = reads(connection, "aside_legacy")
            who = connection.info.user
        counted = {one.view: one.calls for one in found.reads}
        assert (found.why_not, found.of_others, found.dropped) == (None, True, 0)
        assert (counted["contact"], counted["account"], counted["incident"]) == (4, 2, 0)
        assert len(counted) == 49, "also those that nobody reads"
        assert {one.role for one in found.reads if one.calls} == {who}
