{#
    Each step doubles the length of the chains that are followed: after five steps a chain of 32 merges is resolved.
    What then still points on is a cycle. No recursion, so no cycle can hang the build, and only merged records are joined.
#}
{%- set doublings = 5 -%}

with

people as (

    select
        person_id,
        merged_with_person_id
    from {{ ref('stg_trs__persons') }}

),

hop_0 as (

    select
        person_id,
        merged_with_person_id as next_person_id
    from people
    where merged_with_person_id is not null

),

{% for step in range(1, doublings + 1) -%}
hop_{{ step }} as (

    select
        here.person_id,
        coalesce(ahead.next_person_id, here.next_person_id) as next_person_id
    from hop_{{ step - 1 }} as here
    left join hop_{{ step - 1 }} as ahead
        on here.next_person_id = ahead.person_id

),

{% endfor -%}
merged as (

    select
        hops.person_id,
        hops.next_person_id,
        case
            when ends.person_id is null then 'missing person'
            when ends.merged_with_person_id is not null then 'cycle'
            else 'resolved'
        end as merge_chain
    from hop_{{ doublings }} as hops
    left join people as ends
        on hops.next_person_id = ends.person_id

),

final as (

    select
        people.person_id,
        people.merged_with_person_id,
        case
            when merged.merge_chain = 'resolved' then merged.next_person_id
            else people.person_id
        end as live_person_id,
        coalesce(merged.merge_chain, 'not merged') as merge_chain
    from people
    left join merged
        on people.person_id = merged.person_id

)

select * from final
