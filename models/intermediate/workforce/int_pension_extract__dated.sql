with

extracts as (

    select * from {{ ref('stg_trs__tps_csv_extracts') }}

),

dates as (

    select
        tps_csv_extract_id,
        extract_date,
        count(*) as row_count
    from {{ ref('stg_trs__tps_csv_extract_items') }}
    where extract_date is not null
    group by tps_csv_extract_id, extract_date

),

-- A row can have a mistyped date; the file has the date of most of its rows.
ranked as (

    select
        dates.*,
        row_number() over (
            partition by dates.tps_csv_extract_id
            order by dates.row_count desc nulls last, dates.extract_date desc nulls last
        ) as place
    from dates

),

final as (

    select
        extracts.tps_csv_extract_id,
        extracts.filename as extract_file_name,
        extracts.created_on as loaded_on,
        extracts.dates_out_of_range,
        ranked.extract_date as file_extract_date
    from extracts
    left join ranked
        on
            extracts.tps_csv_extract_id = ranked.tps_csv_extract_id
            and ranked.place = 1

)

select * from final
