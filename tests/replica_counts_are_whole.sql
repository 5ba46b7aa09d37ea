-- Staging neither loses nor doubles a row of the replica: a left join to a label that is there twice would. The tables
-- are those with labels of more than one kind, or those that everything else rests on.
with

staged as (

    select * from {{ ref('fct_replica_quality') }}

),

replicated as (

    {% for table in ['persons', 'qualifications', 'alerts', 'tps_employments', 'support_tasks', 'trn_request_metadata'] -%}
    select
        '{{ table }}' as table_name,
        count(*) as row_count
    from {{ replica(table) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    replicated.table_name,
    replicated.row_count,
    staged.row_count as staged_row_count
from replicated
left join staged
    on replicated.table_name = staged.table_name
where staged.row_count is distinct from replicated.row_count
