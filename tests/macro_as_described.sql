{#
    Each rule of `as_described`, by the rows that breach it: without its rule each line of `expected` would be missing.
    A row of `expected` is what the test says of it: column, rule, value, whether it stops a build, rows, first key.
#}
{%- set described %}
(
    select 'a' as thing_id, 'b' as place, 'one' as name, 'open' as state, true as flag, 1 as code, 'x' as code_label, null as odd_dates
    union all select 'a', 'b', 'two', 'shut', true, 9, 'unknown (9)', 'start_date infinity'
    union all select 'a', null, 'one', 'odd', false, null, null, null
    union all select 'b', null, 'one', null, null, 9, 'unknown (9)', 'end_date 12026-02-03'
    union all select 'c', 'c', null, 'odd', true, 8, 'unknown (8)', null
) as things
{%- endset %}
{%- set node = {
    'name': 'things',
    'config': {'meta': {'grain': ['thing_id', 'place'], 'warns': {'required': 'They are migrated.'}}},
    'columns': {
        'place': {'name': 'place', 'config': {'meta': {'required': true}}},
        'name': {'name': 'name', 'config': {'meta': {'unique': true, 'required': true}}},
        'state': {'name': 'state', 'config': {'meta': {
            'accepted': ['open', 'shut'], 'stops': {'accepted': 'Readers divide by it.'}
        }}},
        'flag': {'name': 'flag', 'config': {'meta': {'required': true, 'accepted': [true]}}},
        'code': {'name': 'code', 'config': {'meta': {'accepted': [1, 8, 9]}}},
        'code_label': {'name': 'code_label', 'config': {'meta': {'known_code': true}}},
        'odd_dates': {'name': 'odd_dates', 'config': {'meta': {'readable_dates': true}}}
    }
} %}

with

actual as (

    select
        breach_column,
        breach_rule,
        coalesce(breach_value, '-') as breach_value,
        breach_stops,
        breach_rows,
        coalesce(thing_id, '-') as thing_id,
        coalesce(place, '-') as place
    from (
        {{ breaches_of(described, node) }}
    ) as breaches

),

expected as (

    {% for column, rule, value, stops, rows, thing_id, place in [
        ('thing_id, place', 'grain', '-', true, 2, 'a', 'b'),
        ('place', 'required', '-', false, 2, 'a', '-'),
        ('place', 'required', '-', false, 2, 'b', '-'),
        ('name', 'unique', 'one', true, 3, '-', '-'),
        ('name', 'required', '-', true, 1, 'c', 'c'),
        ('state', 'accepted', 'odd', true, 2, 'a', '-'),
        ('state', 'accepted', 'odd', true, 2, 'c', 'c'),
        ('flag', 'required', '-', true, 1, 'b', '-'),
        ('flag', 'accepted', 'false', false, 1, 'a', '-'),
        ('code_label', 'known_code', 'unknown (8)', false, 1, 'c', 'c'),
        ('code_label', 'known_code', 'unknown (9)', false, 2, 'a', 'b'),
        ('code_label', 'known_code', 'unknown (9)', false, 2, 'b', '-'),
        ('odd_dates', 'readable_dates', '-', false, 2, 'a', 'b'),
        ('odd_dates', 'readable_dates', '-', false, 2, 'b', '-'),
    ] -%}
    select
        '{{ column }}' as breach_column,
        '{{ rule }}' as breach_rule,
        '{{ value }}' as breach_value,
        {{ stops | string | lower }} as breach_stops,
        {{ rows }} as breach_rows,
        '{{ thing_id }}' as thing_id,
        '{{ place }}' as place
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select 'missing' as wrong, expected.* from (select * from expected except distinct select * from actual) as expected
union all
select 'too many' as wrong, actual.* from (select * from actual except distinct select * from expected) as actual
