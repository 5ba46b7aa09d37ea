{#
    What the YAML of a model (or seed) says of its rows, as a list of rules: of each its name, the column, whether a
    breach stops a build, and what is true of a row in breach (none where it takes more than a row to tell).

    A model says its `grain`; a column says `required`, `unique`, `accepted` (a list of values) and `known_code`, and
    `dates_out_of_range` says `readable_dates`: that it is empty. What
    would mislead readers stops the build; the others warn. `warns: {required: reason}` or `stops: {accepted: reason}`
    beside the rule has it otherwise.
#}
{% macro described_rules(node) -%}
    {%- set rules = [] -%}
    {%- set grain = node.config.meta.grain -%}
    {%- if not grain -%}
        {%- do exceptions.raise_compiler_error(node.name ~ ': as_described needs its grain (config.meta.grain)') -%}
    {%- endif -%}
    {%- do rules.append(described_rule(node.config.meta, 'grain', grain | join(', '))) -%}
    {%- for name in grain -%}
        {%- do rules.append(described_rule(node.config.meta, 'required', name, name ~ ' is null')) -%}
    {%- endfor -%}
    {%- for column in node.columns.values() -%}
        {%- set meta = column.config.meta -%}
        {%- set name = column.name -%}
        {%- if meta.required and name not in grain -%}
            {%- do rules.append(described_rule(meta, 'required', name, name ~ ' is null')) -%}
        {%- endif -%}
        {%- if meta.unique and grain != [name] -%}
            {%- do rules.append(described_rule(meta, 'unique', name)) -%}
        {%- endif -%}
        {%- if meta.accepted -%}
            {%- do rules.append(described_rule(meta, 'accepted', name, is_not_accepted(name, meta.accepted))) -%}
        {%- endif -%}
        {%- if meta.known_code -%}
            {%- do rules.append(described_rule(meta, 'known_code', name, is_unknown_code(name))) -%}
        {%- endif -%}
        {%- if meta.readable_dates -%}
            {%- do rules.append(described_rule(meta, 'readable_dates', name, name ~ ' is not null')) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(rules) }}
{%- endmacro %}

{% macro described_rule(meta, rule, column, breach=none) -%}
    {%- set stops = rule in ('grain', 'required', 'unique') -%}
    {%- if rule in (meta.warns or {}) -%}
        {%- set stops = false -%}
    {%- elif rule in (meta.stops or {}) -%}
        {%- set stops = true -%}
    {%- endif -%}
    {{ return({'rule': rule, 'column': column, 'breach': breach, 'stops': stops}) }}
{%- endmacro %}

{# A value that is there and is none of these; numbers and booleans are compared as text. #}
{% macro is_not_accepted(expression, values) -%}
    {%- set texts = [] -%}
    {%- for value in values -%}
        {%- set text = (value | string | lower) if value is boolean else (value | string) -%}
        {%- do texts.append(dbt.string_literal(dbt.escape_single_quotes(text))) -%}
    {%- endfor -%}
    {{ as_text(expression) }} not in ({{ texts | join(', ') }})
{%- endmacro %}
