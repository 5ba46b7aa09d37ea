-- A null is left out; only two nulls give null.
with

cases as (

    {% for left, right, earlier, later in [
        ('2026-05-01', '2026-05-02', '2026-05-01', '2026-05-02'),
        ('2026-05-02', '2026-05-01', '2026-05-01', '2026-05-02'),
        ('2026-05-01', '2026-05-01', '2026-05-01', '2026-05-01'),
        ('2026-05-01', none, '2026-05-01', '2026-05-01'),
        (none, '2026-05-01', '2026-05-01', '2026-05-01'),
        (none, none, none, none),
    ] -%}
    select
        {%- for name, day in [('a', left), ('b', right), ('earlier', earlier), ('later', later)] %}
        cast({{ "'" ~ day ~ "'" if day else 'null' }} as date) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select * from cases
where
    {{ earlier_of('a', 'b') }} is distinct from earlier
    or {{ later_of('a', 'b') }} is distinct from later
