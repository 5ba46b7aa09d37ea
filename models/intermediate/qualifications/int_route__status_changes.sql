{#- From the payload only the status is read, and as text: an event need not have what its kind should have. -#}
with

events as (

    select
        qualification_id,
        created,
        {{ json_text('payload', ['RouteToProfessionalStatus', 'Status']) }} as status_after,
        {{ json_text('payload', ['OldRouteToProfessionalStatus', 'Status']) }} as status_before
    from {{ ref('stg_trs__events') }}
    where
        event_name = 'RouteToProfessionalStatusUpdatedEvent'
        and qualification_id is not null

),

final as (

    select
        qualification_id,
        status_after as route_status_code,
        max({{ london_date('created') }}) as status_changed_date
    from events
    where status_after is not null and (status_before is null or status_after != status_before)
    group by qualification_id, status_after

)

select * from final
