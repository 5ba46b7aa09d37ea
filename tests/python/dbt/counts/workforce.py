"""Workforce: pension extracts and people in service. The source is asked without any model."""

from __future__ import annotations

from typing import Final

_ROWS_OF_FILES: Final = """
    select x.filename, count(*), count(*) filter (where errors <> 0), count(i.tps_csv_extract_item_id),
        count(*) filter (where i.result = 1), count(*) filter (where i.result = 2),
        count(*) filter (where i.result = 0),
        count(*) filter (where i.result = 3), count(*) filter (where i.result = 4)
    from tps_csv_extracts x
    join tps_csv_extract_load_items l using (tps_csv_extract_id)
    left join tps_csv_extract_items i using (tps_csv_extract_load_item_id)
    group by 1 order by 1
"""

_ROWS_OF_ERRORS: Final = """
    select x.filename, 1 << place, count(*)
    from tps_csv_extracts x
    join tps_csv_extract_load_items l using (tps_csv_extract_id)
    cross join generate_series(0, 30) as place
    where l.errors & (1 << place) <> 0
    group by 1, 2 order by 1, 2
"""

# TRS's own rule for the end of an employment that nobody has reported for five months, for the one row of a key that
# was last reported. People are followed through their merges one by one; whoever has no record stands for themselves.
_IN_SERVICE: Final = """
    with recursive chain as (
        select person_id, person_id as at, merged_with_person_id as next, array[person_id] as seen from persons
        union all
        select c.person_id, p.person_id, p.merged_with_person_id, c.seen || p.person_id
        from chain c join persons p on p.person_id = c.next where not p.person_id = any(c.seen)
    ),
    live as (
        select person_id, (array_agg(at order by cardinality(seen) desc))[1] as live,
            bool_or(next = any(seen)) as loops
        from chain group by 1
    ),
    newest as (select max(last_extract_date) as day from tps_employments where last_extract_date <= '{as_at}'),
    counted as (
        select distinct on (key) * from tps_employments
        order by key, last_extract_date desc nulls last, last_known_tps_employed_date desc nulls last,
            tps_employment_id::text
    ),
    ended as (
        select case when coalesce(loops, true) then person_id else live end as who, start_date, case
            when end_date is null and last_known_tps_employed_date < newest.day - interval '5 months'
                then last_known_tps_employed_date
            when end_date between '0001-01-01' and '9999-12-31' then end_date
            when end_date is not null then coalesce(last_known_tps_employed_date, start_date) end as until
        from counted left join live using (person_id) cross join newest
    )
    select month_end::date, count(distinct who)
    from newest cross join lateral generate_series(
        date_trunc('month', newest.day + 1) - interval '23 months', date_trunc('month', newest.day + 1),
        interval '1 month'
    ) as month_begin
    cross join lateral (select (month_begin - interval '1 day')::date as month_end) as m
    left join ended on start_date <= month_end and (until is null or until >= month_end)
    group by 1 order by 1
"""

_WITHDRAWN: Final = """
    with files as (
        select tps_csv_extract_id, mode() within group (order by extract_date) as extract_date
        from tps_csv_extract_items group by 1
    ),
    counted as (
        select distinct on (i.key, f.extract_date) i.key, f.extract_date,
            coalesce(i.withdrawal_indicator = 'W', false) as w
        from tps_csv_extract_items i join tps_csv_extracts x using (tps_csv_extract_id)
        join files f using (tps_csv_extract_id)
        order by i.key, f.extract_date, x.created_on desc nulls last, i.created desc nulls last,
            i.tps_csv_extract_item_id::text desc
    )
    select count(distinct key), count(distinct key) filter (where exists (
        select from counted later
        where later.key = counted.key and later.extract_date > counted.extract_date and not later.w))
    from counted where w
"""

# As TRS chooses: the best of the code, or else the best university of the postcode, whatever its letters' case.
_BEST: Final = """(select establishment_id::text from establishments e where {found}
    order by array_position(array[1, 3, 2, 4], establishment_status_code) nulls last, urn desc nulls last,
        establishment_id::text limit 1)"""
_BY_CODE: Final = _BEST.format(found="e.la_code = said[2] and e.establishment_number = nullif(said[3], 'NULL')")
_BY_POSTCODE: Final = _BEST.format(
    found="""e.la_code = said[2] and lower(e.postcode::text) = lower(employer_postcode::text)
        and establishment_source_id = 1 and establishment_type_code = '29'"""
)
_CHOSEN: Final = f"""
    select tps_employment_id::text, coalesce({_BY_CODE}, {_BY_POSTCODE}),
        case when {_BY_CODE} is not null then 'code' when {_BY_POSTCODE} is not null then 'postcode' else 'none' end
    from (select *, string_to_array(key, '.') as said from tps_employments) as t
"""

# The last one ended by the day of the newest extract.
_MONTHS: Final = """
    select service_month_end_date, people_in_service_count from fct_service_month
    order by service_month_end_date desc limit 24
"""

PAIRS: Final[dict[str, tuple[str, str]]] = {
    "the establishment that the rules choose for each employment": (
        """select tps_employment_id, preferred_establishment_id, establishment_match
            from fct_employment_establishment""",
        _CHOSEN,
    ),
    "rows of each extract, by result": (
        """select extract_file_name, file_row_count, rejected_row_count, loaded_row_count, added_row_count,
            updated_row_count, unchanged_row_count, unknown_trn_row_count, unknown_establishment_row_count
            from fct_pension_extract""",
        _ROWS_OF_FILES,
    ),
    "rows of each extract with an error bit": (
        """select extract_file_name, error_bit, e.rejected_row_count from fct_pension_extract_error e
            join fct_pension_extract using (tps_csv_extract_id)""",
        _ROWS_OF_ERRORS,
    ),
    "keys withdrawn, and those taken back": (
        """select count(distinct employment_key), count(distinct case when is_reverted then employment_key end)
            from fct_employment_withdrawal""",
        _WITHDRAWN,
    ),
    "people in service at 24 month ends": (_MONTHS, _IN_SERVICE),
}
