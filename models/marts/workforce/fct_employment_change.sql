with

extract_rows as (

    select * from {{ ref('fct_pension_extract_row') }}
    where is_counted_for_key and file_extract_date is not null

),

extract_days as (

    select distinct file_extract_date
    from extract_rows

),

extracts as (

    select
        file_extract_date,
        row_number() over (order by file_extract_date asc nulls last) as extract_number,
        lag(file_extract_date) over (order by file_extract_date asc nulls last) as previous_extract_date,
        lead(file_extract_date) over (order by file_extract_date asc nulls last) as next_extract_date
    from extract_days

),

followed as (

    select
        extract_rows.employment_key,
        extract_rows.person_id,
        extract_rows.live_person_id,
        extract_rows.is_live,
        extract_rows.is_active,
        extract_rows.is_deceased,
        extract_rows.file_extract_date,
        extract_rows.employment_type,
        extract_rows.end_date_by_the_rules,
        extract_rows.is_withdrawn,
        extracts.extract_number,
        extracts.previous_extract_date,
        extracts.next_extract_date,
        {% for column in ['employment_type', 'end_date_by_the_rules', 'is_withdrawn', 'file_extract_date'] -%}
        lag(extract_rows.{{ column }})
            over (partition by extract_rows.employment_key order by extract_rows.file_extract_date asc nulls last)
            as last_seen_{{ column }},
        {% endfor -%}
        lead(extract_rows.file_extract_date)
            over (partition by extract_rows.employment_key order by extract_rows.file_extract_date asc nulls last)
            as next_seen_file_extract_date
    from extract_rows
    inner join extracts
        on extract_rows.file_extract_date = extracts.file_extract_date

),

-- Against the row before of the same key, which may be of an earlier extract than the last one.
compared as (

    select
        followed.*,
        followed.file_extract_date as change_extract_date,
        followed.last_seen_file_extract_date is null as is_added,
        coalesce(followed.last_seen_file_extract_date < followed.previous_extract_date, false) as is_returned,
        false as is_missing,
        followed.last_seen_file_extract_date is not null
        and not {{ same('followed.employment_type', 'followed.last_seen_employment_type') }} as has_new_employment_type,
        followed.last_seen_file_extract_date is not null
        and not {{ same('followed.end_date_by_the_rules', 'followed.last_seen_end_date_by_the_rules') }}
            as has_new_end_date,
        coalesce(followed.is_withdrawn and not followed.last_seen_is_withdrawn, false) as is_newly_withdrawn,
        coalesce(not followed.is_withdrawn and followed.last_seen_is_withdrawn, false) as is_withdrawal_reverted
    from followed
    where followed.extract_number > 1

),

absent as (

    select
        followed.*,
        followed.next_extract_date as change_extract_date,
        false as is_added,
        false as is_returned,
        true as is_missing,
        false as has_new_employment_type,
        false as has_new_end_date,
        false as is_newly_withdrawn,
        false as is_withdrawal_reverted
    from followed
    where
        followed.next_extract_date is not null
        and coalesce(followed.next_seen_file_extract_date > followed.next_extract_date, true)

),

changes as (

    select * from compared
    where
        is_added
        or is_returned
        or has_new_employment_type
        or has_new_end_date
        or is_newly_withdrawn
        or is_withdrawal_reverted
    union all
    select * from absent

),

final as (

    select
        employment_key,
        change_extract_date,
        person_id,
        live_person_id,
        is_live,
        is_active,
        is_deceased,
        is_added,
        is_returned,
        is_missing,
        has_new_employment_type,
        has_new_end_date,
        is_newly_withdrawn,
        is_withdrawal_reverted,
        employment_type,
        end_date_by_the_rules,
        case when is_missing then file_extract_date else last_seen_file_extract_date end as last_seen_extract_date,
        case when not is_missing then last_seen_employment_type end as previous_employment_type,
        case when not is_missing then last_seen_end_date_by_the_rules end as previous_end_date_by_the_rules
    from changes

)

select * from final
