"""Statistics: awards, inductions, prohibitions, trainees and what became of those who were awarded QTS."""

from __future__ import annotations

from typing import Final

# Whose record counts, followed by recursion: whoever is in a circle or points to nobody stands for themselves.
_LIVE: Final = """
with recursive ahead (person_id, at, merged_with) as (
    select person_id, person_id, merged_with_person_id from persons
    union
    select a.person_id, p.person_id, p.merged_with_person_id
    from ahead as a join persons as p on p.person_id = a.merged_with
),
live (person_id, live_person_id) as (
    select p.person_id, coalesce(a.at, p.person_id)
    from persons as p left join ahead as a on a.person_id = p.person_id and a.merged_with is null
),
first_qts (live_person_id, awarded, award_group) as (
    select distinct on (l.live_person_id) l.live_person_id, q.holds_from, g.award_group
    from qualifications as q
    join live as l using (person_id)
    join route_to_professional_status_types as t using (route_to_professional_status_type_id)
    join route_type_groups as g on g.route_type_id = t.route_to_professional_status_type_id::text
    where q.status = 1 and q.deleted_on is null and t.professional_status_type = 0
    order by l.live_person_id, q.holds_from, q.created_on, q.qualification_id::text
)
"""
_QTS: Final = "select sum(award_count) from fct_awards_by_year where professional_status = 'QTS' and year_type ="
_OUTSIDE: Final = "award_group in ('QTLS', 'Other', 'Partial QTS')"
_PROHIBITIONS: Final = "select sum(prohibition_count)::bigint from fct_prohibitions_by_year where is_in_published_total"
_PROHIBITED: Final = f"""{_LIVE} select count(*) from alerts as a join live as l using (person_id)
    join alert_types using (alert_type_id) join alert_categories as c using (alert_category_id)
    where a.deleted_on is null and c.name in ('Prohibition from teaching', 'GTC Prohibition from teaching')"""

PAIRS: Final[dict[str, tuple[str, str]]] = {
    "awards of QTS by financial year and group": (
        """select left(statistics_year, 4)::int, award_group, sum(award_count)::int from fct_awards_by_year
            where year_type = 'financial' and professional_status = 'QTS' and statistics_year <> 'unknown'
            group by 1, 2""",
        f"""{_LIVE} select extract(year from awarded)::int - (extract(month from awarded) < 4)::int, award_group,
            count(*) from first_qts where awarded is not null group by 1, 2""",
    ),
    "awards of QTS, all groups added up": (
        f"{_QTS} 'academic'",
        f"{_LIVE} select count(*) from first_qts",
    ),
    "awards of QTS outside the published total": (
        f"{_QTS} 'academic' and not is_in_published_total",
        f"{_LIVE} select count(*) from first_qts where {_OUTSIDE}",
    ),
    "awards of QTS that are followed into employment": (
        "select sum(award_count) from fct_employment_after_award",
        f"""{_LIVE} select count(*) from first_qts where awarded <= '{{as_at}}'
            and award_group not in ('QTLS', 'Other', 'Partial QTS', 'Early years', 'Not grouped')""",
    ),
    "inductions passed by academic year": (
        """select left(statistics_year, 4)::int, person_count::int from fct_inductions_by_year
            where year_type = 'academic' and induction_status_label = 'passed' and statistics_year <> 'unknown'""",
        f"""{_LIVE} select extract(year from induction_completed_date)::int
                - (extract(month from induction_completed_date) < 9)::int, count(*)
            from (select distinct on (l.live_person_id) p.* from persons as p join live as l using (person_id)
                order by l.live_person_id, array_position(array[5, 4, 2, 3, 6, 1], p.induction_status::int),
                    p.induction_completed_date) as standing
            where induction_status = 4 and induction_completed_date is not null group by 1""",
    ),
    "prohibitions of academic years": (f"{_PROHIBITIONS} and year_type = 'academic'", _PROHIBITED),
    "prohibitions of financial years": (f"{_PROHIBITIONS} and year_type = 'financial'", _PROHIBITED),
    # A person counts once in a year: fewer than routes, by those who have two.
    "people in training for QTS": (
        "select count(distinct live_person_id) from int_trainee__outcomes where professional_status = 'QTS'",
        f"""{_LIVE} select count(distinct l.live_person_id) from qualifications as q join live as l using (person_id)
            join route_type_groups as g on g.route_type_id = q.route_to_professional_status_type_id::text
            join route_to_professional_status_types as t using (route_to_professional_status_type_id)
            where q.deleted_on is null and q.qualification_type = 1 and g.award_group = 'ITT England'
                and t.professional_status_type = 0""",
    ),
}
