-- A nested field comes out as text; one that is not there, an object, a list and JSON's own null are null.
{% set payload = '{"Alert": {"Name": "T1", "Closed": true, "Kind": {"Id": 7}, "Kinds": ["a"], "Ended": null, "Place": 0}}' %}
with

cases as (

    select
        {% if target.type == 'bigquery' -%}
        parse_json('{{ payload }}')
        {%- else -%}
        cast('{{ payload }}' as jsonb)
        {%- endif %} as payload

)

select * from cases
where
    {{ json_text('payload', ['Alert', 'Name']) }} is distinct from 'T1'
    or {{ json_text('payload', ['Alert', 'Closed']) }} is distinct from 'true'
    or {{ json_text('payload', ['Alert', 'Place']) }} is distinct from '0'
    or {{ json_text('payload', ['Alert', 'Kind', 'Id']) }} is distinct from '7'
    or {{ json_text('payload', ['Alert', 'Kind']) }} is not null
    or {{ json_text('payload', ['Alert', 'Kinds']) }} is not null
    or {{ json_text('payload', ['Alert', 'Ended']) }} is not null
    or {{ json_text('payload', ['Alert', 'Gone', 'Id']) }} is not null
