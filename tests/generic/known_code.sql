{#
    Every code has a label. A code that the operational system has begun to use and no seed knows is found here, row by
    row; it warns, because one new code must not keep everybody from everything else. The code of `x_label` is `x`.
#}
{% test known_code(model, column_name) %}
{%- set code = column_name[:-6] %}

{{ config(severity='warn') }}

select
    {{ as_text("found." ~ code) }} as unknown_code,
    found.*
from {{ model }} as found
where found.{{ column_name }} = {{ unknown_code('found.' ~ code) }}

{% endtest %}
