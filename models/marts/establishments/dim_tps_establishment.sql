with

listed as (

    select
        *,
        -- A closing date that is no day is one all the same.
        school_closed_date is not null or coalesce(has_infinite_school_closed_date, false) as is_closed
    from {{ ref('stg_trs__tps_establishments') }}

),

code_ranges as (

    select * from {{ ref('stg_trs__tps_establishment_types') }}

),

preferred as (

    select * from {{ ref('dim_establishment') }}
    where is_preferred_for_code

),

-- Codes and the bounds of ranges have four digits, so that they compare as texts.
typed as (

    select
        listed.tps_establishment_id,
        min(code_ranges.tps_establishment_type_id) as tps_establishment_type_id,
        count(code_ranges.tps_establishment_type_id) as code_range_count
    from listed
    left join code_ranges
        on
            listed.establishment_code >= code_ranges.establishment_range_from
            and listed.establishment_code <= code_ranges.establishment_range_to
    group by listed.tps_establishment_id

),

-- One employer of each code is used: one that is not closed, then the one closed last.
ranked as (

    select
        listed.*,
        row_number() over (
            partition by listed.la_code, listed.establishment_code
            order by
                case when listed.is_closed then 1 else 0 end asc nulls last,
                listed.school_closed_date desc nulls last,
                listed.employers_name asc nulls last,
                listed.tps_establishment_id asc nulls last
        ) as place
    from listed

),

final as (

    select
        ranked.tps_establishment_id,
        ranked.la_code,
        ranked.establishment_code,
        ranked.employers_name as employer_name,
        ranked.school_gias_name,
        ranked.school_closed_date,
        ranked.dates_out_of_range,
        typed.tps_establishment_type_id,
        code_ranges.establishment_range_from as code_range_from,
        code_ranges.establishment_range_to as code_range_to,
        code_ranges.description as code_range_description,
        code_ranges.short_description as code_range_short_description,
        preferred.establishment_id,
        preferred.urn,
        ranked.is_closed as is_closed_employer,
        ranked.place = 1 as is_used_for_code,
        typed.code_range_count > 1 as has_several_code_ranges,
        coalesce(preferred.is_in_gias, false) as is_in_gias,
        preferred.establishment_id is not null as is_matched
    from ranked
    inner join typed
        on ranked.tps_establishment_id = typed.tps_establishment_id
    left join code_ranges
        on typed.tps_establishment_type_id = code_ranges.tps_establishment_type_id
    left join preferred
        on
            ranked.la_code = preferred.la_code
            and ranked.establishment_code = preferred.establishment_number

)

select * from final
