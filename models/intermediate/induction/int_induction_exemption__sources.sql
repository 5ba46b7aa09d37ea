{#- Every place from which an exemption from induction comes. The list on the person alone under-counts. -#}
with

people as (

    select
        person_id,
        induction_exemption_reason_ids,
        induction_exempt_without_reason
    from {{ ref('stg_trs__persons') }}

),

held_routes as (

    select * from {{ ref('int_route__held') }}

),

on_person as (

    select
        people.person_id,
        {{ array_element('reason') }} as exemption_reason_key,
        'person' as exemption_source,
        people.person_id as exemption_place
    from people
    {{ unnested('people.induction_exemption_reason_ids', 'reason') }}

),

on_person_without_reason as (

    select
        person_id,
        {{ no_exemption_reason() }} as exemption_reason_key,
        'person' as exemption_source,
        person_id as exemption_place
    from people
    where induction_exempt_without_reason

),

-- A route that exempts gives its type's reason; a type without one gives the generic reason.
on_route as (

    select
        person_id,
        coalesce(induction_exemption_reason_id, {{ generic_exemption_reason() }}) as exemption_reason_key,
        'route' as exemption_source,
        qualification_id as exemption_place
    from held_routes
    where is_exempt_from_induction

),

on_qts_date as (

    select
        person_id,
        {{ qualified_before_cut_off_exemption_reason() }} as exemption_reason_key,
        'QTS date' as exemption_source,
        qualification_id as exemption_place
    from held_routes
    where is_exempt_due_to_qts_date

),

final as (

    select * from on_person
    union distinct
    select * from on_person_without_reason
    union distinct
    select * from on_route
    union distinct
    select * from on_qts_date

)

select * from final
