{#
    A key of another model leads to a row of it, or is null. It finds the rows whose key leads nowhere: they are kept, and
    listed. It warns: one orphan must not keep everybody from everything else.

    and_columns: the other columns of a key of several, each with the field of `to` that it stands for.
#}
{% test relationships(model, column_name, to, field, and_columns={}) %}

{{ config(severity='warn') }}

select child.*
from {{ model }} as child
left join {{ to }} as parent
    on
        child.{{ column_name }} = parent.{{ field }}
        {%- for name, other in and_columns.items() %}
        and child.{{ name }} = parent.{{ other }}
        {%- endfor %}
where
    parent.{{ field }} is null
    and child.{{ column_name }} is not null
    {%- for name in and_columns %}
    and child.{{ name }} is not null
    {%- endfor %}

{% endtest %}
