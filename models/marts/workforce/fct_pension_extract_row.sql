with

loaded as (

    select * from {{ ref('stg_trs__tps_csv_extract_load_items') }}

),

typed as (

    select * from {{ ref('stg_trs__tps_csv_extract_items') }}

),

extracts as (

    select * from {{ ref('int_pension_extract__dated') }}

),

people as (

    select
        person_id,
        trn
    from {{ ref('stg_trs__persons') }}

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

-- A typed row without the row that it was made from would be a fault of replication: it is kept.
received as (

    select
        typed.tps_csv_extract_item_id,
        loaded.employment_start_date as start_date_as_received,
        loaded.employment_end_date as end_date_as_received,
        loaded.extract_date as extract_date_as_received,
        loaded.full_or_part_time_indicator,
        typed.employment_start_date as start_date,
        typed.employment_end_date as end_date,
        typed.employment_type,
        typed.employment_type_label,
        typed.extract_date,
        typed.employment_key,
        typed.result,
        typed.result_label,
        coalesce(loaded.tps_csv_extract_load_item_id, typed.tps_csv_extract_load_item_id)
            as tps_csv_extract_load_item_id,
        coalesce(loaded.tps_csv_extract_id, typed.tps_csv_extract_id) as tps_csv_extract_id,
        coalesce(typed.trn, loaded.trn) as trn,
        coalesce(typed.local_authority_code, loaded.local_authority_code) as la_code,
        coalesce(typed.establishment_number, loaded.establishment_number) as establishment_number,
        coalesce(typed.withdrawal_indicator, loaded.withdrawal_indicator) as withdrawal_indicator,
        coalesce(loaded.errors, 0) as error_bits,
        -- Both rows can have some; the day of loading is the first's that has one.
        coalesce(
            typed.dates_out_of_range || '; ' || loaded.dates_out_of_range,
            typed.dates_out_of_range,
            loaded.dates_out_of_range
        ) as dates_out_of_range,
        coalesce(loaded.created, typed.created) as row_loaded_on
    from loaded
    full join typed
        on loaded.tps_csv_extract_load_item_id = typed.tps_csv_extract_load_item_id

),

placed as (

    select
        received.*,
        extracts.file_extract_date,
        count(*) over (partition by received.employment_key, extracts.file_extract_date) as rows_of_key,
        row_number() over (
            partition by received.employment_key, extracts.file_extract_date
            order by
                extracts.loaded_on desc nulls last,
                received.row_loaded_on desc nulls last,
                received.tps_csv_extract_item_id desc nulls last
        ) as place_of_key
    from received
    left join extracts
        on received.tps_csv_extract_id = extracts.tps_csv_extract_id

),

dated as (

    select
        placed.*,
        {{ earlier_of('placed.end_date', 'placed.extract_date') }} as last_known_employed_date,
        cast({{ dbt.dateadd('month', -5, 'placed.extract_date') }} as date) as oldest_last_known_date
    from placed

),

final as (

    select
        dated.tps_csv_extract_load_item_id,
        dated.tps_csv_extract_item_id,
        dated.tps_csv_extract_id,
        dated.file_extract_date,
        dated.trn,
        people.person_id,
        standings.live_person_id,
        standings.is_live,
        standings.is_active,
        standings.is_deceased,
        dated.la_code,
        dated.establishment_number,
        dated.start_date_as_received,
        dated.end_date_as_received,
        dated.extract_date_as_received,
        dated.start_date,
        dated.end_date,
        dated.extract_date,
        dated.last_known_employed_date,
        dated.dates_out_of_range,
        -- The end that TRS gives the employment for this row: withdrawn, or not known for more than five months.
        case
            when dated.withdrawal_indicator = 'W' or dated.last_known_employed_date < dated.oldest_last_known_date
                then dated.end_date
        end as end_date_by_the_rules,
        dated.full_or_part_time_indicator,
        dated.employment_type,
        dated.employment_type_label,
        dated.withdrawal_indicator,
        coalesce(dated.withdrawal_indicator = 'W', false) as is_withdrawn,
        dated.employment_key,
        dated.employment_key is not null and dated.rows_of_key > 1 as has_repeated_key,
        dated.employment_key is not null and dated.place_of_key = 1 as is_counted_for_key,
        dated.error_bits,
        dated.error_bits != 0 as is_rejected,
        dated.result,
        dated.result_label,
        case
            when dated.error_bits != 0 then 'rejected'
            when dated.result = 0 then 'no change'
            when dated.result = 1 then 'added'
            when dated.result = 2 then 'updated'
            when dated.result = 3 then 'TRN unknown'
            when dated.result = 4 then 'establishment unknown'
            when dated.result is null then 'not processed'
            else {{ unknown_code('dated.result') }}
        end as row_outcome,
        coalesce(dated.end_date < dated.start_date, false) as ends_before_start,
        {{ london_date('dated.row_loaded_on') }} as row_loaded_date
    from dated
    left join people
        on dated.trn = people.trn
    left join standings
        on people.person_id = standings.person_id

)

select * from final
