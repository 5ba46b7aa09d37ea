with

-- Dates that cannot be true are left out: a mistyped year must not end every employment.
employments as (

    select last_extract_date
    from {{ ref('stg_trs__tps_employments') }}
    where last_extract_date <= {{ as_at_date() }}

),

final as (

    select
        min(last_extract_date) as first_extract_date,
        max(last_extract_date) as newest_extract_date
    from employments

)

select * from final
