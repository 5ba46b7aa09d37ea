"""The whole project built over a sandbox population with faults put in by hand, and its answers worked out again."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from .built import AS_AT, Built, world
from .conftest import PROJECT
from .faults import FAULTS
from .of_the_build import bad_input, operations, strange_dates
from .of_the_build.bad_input import TestBadInput  # noqa: F401
from .of_the_build.counting import TestCounting  # noqa: F401
from .of_the_build.legacy import TestLegacy  # noqa: F401
from .of_the_build.operations import TestOperations  # noqa: F401
from .of_the_build.people import TestPeople  # noqa: F401
from .of_the_build.statistics import TestStatistics  # noqa: F401
from .of_the_build.strange_dates import TestStrangeDates  # noqa: F401
from .of_the_build.vintage import TestVintage  # noqa: F401

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(short_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    faults = FAULTS + operations.FAULTS + bad_input.FAULTS + strange_dates.FAULTS + strange_dates.READABLE
    with world(short_folder / "dbt", tmp_path_factory.mktemp("build"), faults) as made:
        assert made.build(), "the build failed"
        yield made


def test_schemas_carry_the_prefix_and_nothing_else_is_written(built: Built) -> None:
    found = {row[0] for row in built.rows("select nspname from pg_namespace where nspname !~ '^(pg_|information)'")}
    aside = {f"aside_{name}" for name in ("staging", "intermediate", "marts", "legacy", "extracts", "seeds")}
    assert aside <= found
    assert not found & {name.removeprefix("aside_") for name in aside}


def test_dandi_has_one_row_per_record_and_tad_one_per_live_holder(built: Built) -> None:
    assert built.number("select count(*) from dandi_teachers") == built.number("select count(*) from persons")
    holders = """select count(*) from persons p where status = 0 and merged_with_person_id is null and exists
        (select 1 from qualifications q where q.person_id = p.person_id and qualification_type = 1 and q.status = 1)"""
    assert built.number("select count(*) from tad_teachers") == built.number(holders) > 1_000


def test_qts_dates_are_those_of_the_held_routes(built: Built) -> None:
    again = """select q.person_id::text, min(holds_from) from qualifications q
        join route_to_professional_status_types t using (route_to_professional_status_type_id)
        where q.status = 1 and deleted_on is null and professional_status_type = 0 and holds_from is not null
        group by 1"""
    assert dict(built.rows(again)) == dict(
        built.rows("select person_id, qts_date from dim_person where qts_date is not null")
    )


def test_a_forgotten_recalculation_is_seen(built: Built) -> None:
    differing = "select count(*) from dim_person d join persons p on p.person_id::text = d.person_id"
    assert built.number(differing + " where p.qts_date = '1901-01-01' and d.qts_date is distinct from p.qts_date") == 1
    assert built.number("select count(*) from dim_person where not recorded_statuses_agree") >= 1


def test_exemption_reasons_are_those_of_the_person_and_of_the_routes(built: Built) -> None:
    # Counted per person another way: as sets in Python.
    reasons: dict[str, set[str]] = {}
    for person, listed, without in built.rows(
        "select person_id::text, induction_exemption_reason_ids::text[], induction_exempt_without_reason from persons"
    ):
        reasons[person] = {*listed, *(["no reason recorded"] if without else [])}
    routes = """select q.person_id::text, exempt_from_induction, exempt_from_induction_due_to_qts_date,
            coalesce(t.induction_exemption_reason_id, r.induction_exemption_reason_id)::text
        from qualifications q join route_to_professional_status_types t using (route_to_professional_status_type_id)
        cross join (select * from induction_exemption_reasons where name = 'Exempt') r
        where q.status = 1 and deleted_on is null"""
    before = built.rows(
        "select induction_exemption_reason_id::text from induction_exemption_reasons where name like '%07 May 2000'"
    )
    for person, exempt, due_to_date, reason in built.rows(routes):
        reasons[person] |= {reason} if exempt else set()
        reasons[person] |= {before[0][0]} if due_to_date else set()
    counted = dict(built.rows("select person_id, induction_exemption_reason_count from fct_induction"))
    assert counted == {person: len(found) for person, found in reasons.items()}
    assert sum(counted.values()) > 100


def test_a_circle_of_merges_is_marked_and_follows_nobody(built: Built) -> None:
    found = built.rows("select merge_chain, live_person_id = person_id from dim_person where merge_chain = 'cycle'")
    assert found == [("cycle", True), ("cycle", True)]


def test_a_date_of_a_mart_that_no_client_can_read_is_kept_as_text(built: Built) -> None:
    """A date that Python, and so pandas, cannot hold is null, and kept as text."""
    assert built.number("select count(*) from public.qualifications where training_end_date = '20190-07-01'") == 1
    kept = "select dates_out_of_range from fct_route where dates_out_of_range is not null and training_end_date is null"
    assert ("training_end_date 20190-07-01",) in built.rows(kept)
    assert built.number("select count(*) from dim_person where date_of_birth < '1753-01-01'") >= 1


def test_infinity_is_null(built: Built) -> None:
    assert built.number("select count(*) from stg_trs__tps_employments where end_date = 'infinity'") == 0


def test_dandi_tells_nothing_of_internal_alerts(built: Built) -> None:
    assert built.number("select count(*) from fct_alert where is_open and is_internal_only") > 0
    # Each record of a person has all alerts of the person: one row of each person counts them once.
    open_ones = "select count(*) from fct_alert where is_open and not is_internal_only"
    of_persons = "select distinct on (live_person_id) open_alert_count from dandi_teachers"
    assert built.number(f"select sum(open_alert_count) from ({of_persons}) of_persons") == built.number(open_ones)
    assert built.number("select count(*) from dandi_teachers where open_alert_categories like '%Flag%'") == 0
    assert built.number("select count(*) from dandi_alerts join fct_alert using (alert_id) where is_internal_only") == 0
    assert built.number("select count(*) from dandi_alerts where is_open") == built.number(open_ones) > 0


def test_alerts_of_a_month_end_are_counted_as_known_now_and_as_known_then(built: Built) -> None:
    counts = "select month_end_date::text, sum({}) from fct_alert_revision group by 1"
    by_month = dict(built.rows(counts.format("standing_alert_count")))
    then = dict(built.rows(counts.format("standing_alert_count_known_then")))
    assert (len(by_month), max(by_month), min(by_month)) == (13, "2026-08-31", "2025-08-31")
    for day, counted in by_month.items():
        standing = f"""select count(*) from public.alerts where (start_date <= '{day}' or start_date is null)
            and (end_date >= '{day}' or end_date is null)"""
        removed = f"(deleted_on at time zone 'Europe/London')::date > '{day}'"
        assert counted == built.number(f"{standing} and (deleted_on is null or {removed})") > 0
        made = f"created_on > '1900-01-01' and (created_on at time zone 'Europe/London')::date <= '{day}'"
        assert then[day] == built.number(f"{standing} and (deleted_on is null or {removed}) and {made}")


def test_what_the_guide_shows_of_the_marts_can_be_asked(built: Built) -> None:
    guide = "".join(page.read_text(encoding="utf-8") for page in (PROJECT / "docs").glob("querying*.md"))
    asked = [text for text in re.findall(r"```sql\n(.*?)```", guide, re.S) if "marts." in text]
    assert asked
    for text in asked:
        built.rows(text.replace("marts.", "aside_marts."))


def test_the_calendar_is_pythons_calendar(built: Built) -> None:
    first, last = date(1940, 1, 1), date(2049, 12, 31)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    asked = "select date_day, day_of_week, calendar_month, is_month_end from dim_date order by 1"
    assert built.rows(asked) == [
        (day, day.isoweekday(), f"{day:%Y-%m}", (day + timedelta(days=1)).day == 1) for day in days
    ]
    assert built.rows("select count(*) from dim_date where is_bank_holiday and date_day >= '2020-01-01'") == [(243,)]


def test_every_extract_row_is_as_at_the_day_asked_for(built: Built) -> None:
    of_everybody = (
        "dandi_teachers",
        "dandi_people",
        "dandi_routes",
        "dandi_professional_statuses",
        "dandi_mandatory_qualifications",
        "dandi_induction",
        "dandi_service_spells",
        "dandi_alerts",
        "dandi_workforce",
        "tad_teachers",
        "tad_vintage_people",
    )
    for extract in of_everybody:
        assert [str(row[0]) for row in built.rows(f"select distinct as_at_date from {extract}")] == [AS_AT]


def test_a_row_with_an_unknown_code_is_kept_and_marked(built: Built) -> None:
    assert built.number("select count(*) from dim_person") == built.number("select count(*) from persons")
    for query, expected in {
        "select distinct gender_label from dim_person where gender = 9": "unknown (9)",
        "select distinct induction_status_label from fct_induction where induction_status = 9": "unknown (9)",
        "select distinct route_status_label from fct_route where route_status = 9": "unknown (9)",
        "select distinct mq_status_label from fct_mandatory_qualification where mq_status = 9": "unknown (9)",
        "select distinct employment_type_label from fct_employment where employment_type = 7": "unknown (7)",
        "select distinct professional_status from int_route__typed where professional_status_type = 4": "unknown (4)",
    }.items():
        assert built.rows(query) == [(expected,)], query


def test_an_alert_of_a_new_category_is_no_decision(built: Built) -> None:
    found = "select distinct alert_group from fct_alert where alert_category_name = 'Interim prohibition 2027'"
    assert built.rows(found) == [("unknown",)]


def test_an_end_date_that_is_no_day_is_an_end_date(built: Built) -> None:
    alert = "select distinct f.is_open, f.end_date from fct_alert f join alerts a on a.alert_id::text = f.alert_id"
    assert built.rows(alert + " where a.end_date = 'infinity'") == [(False, None)]
    employment = "select distinct f.is_current, f.is_stale, f.end_date from fct_employment f join tps_employments e"
    employment += " on e.tps_employment_id::text = f.tps_employment_id where e.end_date = 'infinity'"
    assert built.rows(employment) == [(False, False, None)]


def test_bad_rows_are_kept_marked_and_listed(built: Built) -> None:
    # Orphans: the rows are in their marts, marked as what nobody should take for harmless, and listed by their keys.
    orphan = "alert_type_id::text not in (select alert_type_id::text from alert_types)"
    (alert,) = built.rows(f"select alert_id::text from alerts where {orphan}")
    marked = "select alert_group, is_internal_only, is_prohibition, is_open from fct_alert where alert_id = "
    assert built.rows(f"{marked}'{alert[0]}'") == [("unknown", True, None, True)]
    assert built.found(_orphans("alerts", "alert_type_id", "alert_type_id", "alert_types"), "alert_id") == {alert}

    orphan = """qualification_type = 1 and route_to_professional_status_type_id
        not in (select route_to_professional_status_type_id from route_to_professional_status_types)"""
    (route,) = built.rows(f"select qualification_id::text from qualifications where {orphan}")
    marked = "select professional_status, award_group, is_held from fct_route where qualification_id = "
    assert built.rows(f"{marked}'{route[0]}'") == [("unknown", "Not grouped", True)]
    key = "route_to_professional_status_type_id"
    listed = built.found(_orphans("qualifications", key, key, "route_to_professional_status_types"), "qualification_id")
    assert listed == {route}

    (employment,) = built.rows(
        "select tps_employment_id::text from tps_employments where person_id not in (select person_id from persons)"
    )
    marked = "select is_live, person_id = live_person_id from fct_employment where tps_employment_id = "
    assert built.rows(f"{marked}'{employment[0]}'") == [(None, True)]
    assert built.found(_orphans("tps_employments", "person_id", "person_id", "persons"), "tps_employment_id") == {
        employment
    }

    # Unknown codes, each with its rows.
    for table, key, column, label in (
        ("persons", "person_id", "gender", "gender_label"),
        ("persons", "person_id", "induction_status", "induction_status_label"),
        ("qualifications", "qualification_id", "status", "status_label"),
        ("qualifications", "qualification_id", "mq_status", "mq_status_label"),
        ("tps_employments", "tps_employment_id", "employment_type", "employment_type_label"),
    ):
        rows = built.found(f"as_described_stg_trs__{table}_", "breach_column", "breach_value", "breach_rows", key)
        code = 7 if column == "employment_type" else 9
        expected = {
            (label, f"unknown ({code})", 1, *row)
            for row in built.rows(f"select {key}::text from {table} where {column} = {code}")
        }
        assert expected and expected <= rows, column

    # Every row is still there.
    for mart, counted in {
        "fct_alert": "alerts where deleted_on is null",
        "fct_route": "qualifications where qualification_type = 1 and deleted_on is null",
        "fct_employment": "tps_employments",
        "dim_person": "persons",
    }.items():
        assert built.number(f"select count(*) from {mart}") == built.number(f"select count(*) from {counted}"), mart
    assert built.number("select count(*) from fct_employment where has_duplicate_key") >= 2
    assert built.number("select count(*) from fct_employment where start_date = '0001-01-01'") >= 1
    assert built.number("select count(*) from fct_route where holds_from = '2027-06-01' and is_held") == 1
    assert (
        built.number("select count(*) from dim_person where last_name in ('Nu\u0301n\u0303ez', '\u738b\u5c0f\u660e')")
        == 2
    )


def _orphans(table: str, column: str, field: str, parent: str) -> str:
    """The name of the test of a key in staging."""
    return f"relationships_stg_trs__{table}_{column}__{field}__ref_stg_trs__{parent}_"


def test_a_mandatory_qualification_of_the_earlier_system_with_a_date_is_passed(built: Built) -> None:
    dated = """select f.is_passed, f.mq_status from fct_mandatory_qualification f
        join qualifications q on q.qualification_id::text = f.qualification_id
        where q.mq_status is null and q.dqt_qualification_id is not null and q.end_date = '1999-07-01'"""
    assert built.rows(dated) == [(True, None)]
