-- A nested field comes out as text; a field that is not there is null.
with

cases as (

    select
        {% if target.type == 'bigquery' -%}
        parse_json('{"Alert": {"Name": "T1", "Closed": true}}')
        {%- else -%}
        cast('{"Alert": {"Name": "T1", "Closed": true}}' as jsonb)
        {%- endif %} as payload

)

select * from cases
where
    {{ json_text('payload', ['Alert', 'Name']) }} is distinct from 'T1'
    or {{ json_text('payload', ['Alert', 'Closed']) }} is distinct from 'true'
    or {{ json_text('payload', ['Alert', 'Gone', 'Id']) }} is not null
