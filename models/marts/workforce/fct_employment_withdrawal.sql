with

extract_rows as (

    select * from {{ ref('fct_pension_extract_row') }}
    -- A file whose own day nobody can read has no place in the order.
    where is_counted_for_key and file_extract_date is not null

),

employments as (

    select * from {{ ref('fct_employment') }}
    where is_counted_for_key

),

followed as (

    select
        extract_rows.*,
        coalesce(
            lag(extract_rows.is_withdrawn)
                over (partition by extract_rows.employment_key order by extract_rows.file_extract_date asc nulls last),
            false
        ) as was_withdrawn
    from extract_rows

),

-- Each change to W begins a withdrawal; the rows without W that follow it are what took it back.
numbered as (

    select
        followed.*,
        sum(case when followed.is_withdrawn and not followed.was_withdrawn then 1 else 0 end) over (
            partition by followed.employment_key
            order by followed.file_extract_date asc nulls last
            rows between unbounded preceding and current row
        ) as withdrawal_number
    from followed

),

withdrawals as (

    select
        employment_key,
        cast(withdrawal_number as {{ dbt.type_int() }}) as withdrawal_number,
        person_id,
        min(case when is_withdrawn then file_extract_date end) as withdrawn_extract_date,
        max(case when is_withdrawn then file_extract_date end) as last_withdrawn_extract_date,
        min(case when not is_withdrawn then file_extract_date end) as reverted_extract_date,
        cast(sum(case when is_withdrawn then 1 else 0 end) as {{ dbt.type_int() }}) as withdrawn_extract_count
    from numbered
    where withdrawal_number > 0
    group by employment_key, withdrawal_number, person_id

),

final as (

    select
        withdrawals.employment_key,
        withdrawals.withdrawal_number,
        employments.tps_employment_id,
        employments.live_person_id,
        employments.is_live,
        employments.is_active,
        employments.is_deceased,
        withdrawals.withdrawn_extract_date,
        withdrawals.last_withdrawn_extract_date,
        withdrawals.withdrawn_extract_count,
        withdrawals.reverted_extract_date,
        withdrawn_rows.end_date as withdrawn_end_date,
        employments.withdrawal_confirmed as is_confirmed_now,
        coalesce(employments.person_id, withdrawals.person_id) as person_id,
        withdrawals.reverted_extract_date is not null as is_reverted
    from withdrawals
    left join extract_rows as withdrawn_rows
        on
            withdrawals.employment_key = withdrawn_rows.employment_key
            and withdrawals.last_withdrawn_extract_date = withdrawn_rows.file_extract_date
    left join employments
        on withdrawals.employment_key = employments.employment_key

)

select * from final
