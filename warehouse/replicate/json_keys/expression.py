"""The SQL of a rule: a JSON column with its listed keys alone. It needs no function, so it runs at the source.

Fields that are null are left out, listed or not: so what is kept is its own form, and applying the rule again changes
nothing. A value that has another form than its line says is left out in the same way; in a list it becomes null.
"""

from __future__ import annotations

import json

from psycopg import sql

from warehouse.core.json_rule import VALUE, JsonRule

_COLUMN = """
(select {kept} from (select {value} as _v0, {rule} as _r0 offset 0) as _t0)
"""
"""`offset 0` has PostgreSQL find the row's rule once."""

_KEPT = """
case jsonb_typeof({v})
    when 'object' then case when jsonb_typeof({r}) = 'object' then {of_object} end
    when 'array' then case when jsonb_typeof({r}) = 'object' then {of_list} else {of_values} end
    else case when {r} = 'true' or {r} ? {value} then {v} end
end
"""

_OBJECT = """
(
    select coalesce(jsonb_object_agg(_k{n}, {kept}), '{{}}')
    from (select jsonb_object_keys({v}) as _k{n} offset 0) as _t{n} where {r} ? _k{n}
)
"""

_LIST = """
(
    select coalesce(jsonb_agg({kept} order by _n{n}), '[]')
    from jsonb_array_elements({v}) with ordinality as _t{n} (_v{n}, _n{n})
)
"""

_ELEMENT = """
case
    when jsonb_typeof({v}) = 'object' then {of_object}
    when jsonb_typeof({v}) <> 'array' and {r} ? {value} then {v}
end
"""

_VALUES = """
case when not {v} @? 'strict $[*] ? (@.type() == "object" || @.type() == "array")' then {v} end
"""
"""A list: of plain values, or none of it."""


def listed_keys(column: str, rule: JsonRule, prefix: str | None = None) -> sql.Composable:
    """The expression (jsonb) of a JSON column without what its rule does not list; null where the column is null.

    Args:
        prefix: the alias of the table that the column is in.
    """
    value = f"jsonb_strip_nulls({_name(column, prefix)})"
    return sql.SQL(_COLUMN.format(kept=kept(rule, "_v0", "_r0"), value=value, rule=of_row(rule, prefix)))


def of_row(rule: JsonRule, prefix: str | None = None) -> str:
    """The tree of listed keys (jsonb) that applies to a row."""
    always = _literal(rule.always)
    return f"coalesce({_literal(rule.kinds)} -> ({_name(rule.by, prefix)})::text, {always})" if rule.by else always


def kept(rule: JsonRule, value: str, tree: str) -> str:
    """The listed keys of a value without null fields, by the tree that applies to it; both are names or expressions."""
    return f"jsonb_strip_nulls({_kept(value, tree, rule.levels, 1, lists=rule.lists)})"


# SQL is put together as text: what is deeper stands in what is above it several times.


def _kept(value: str, rule: str, levels: int, number: int, *, lists: bool) -> str:
    parts = {"v": value, "r": rule, "value": f"'{VALUE}'"}
    return _KEPT.format(
        **parts,
        of_object=_of_object(value, rule, levels, number, lists=lists),
        of_list=_of_list(value, rule, levels, number) if lists else "null",
        of_values=_VALUES.format(**parts).strip(),
    )


def _of_object(value: str, rule: str, levels: int, number: int, *, lists: bool) -> str:
    if levels == 0:
        return "null::jsonb"
    inner = _kept(f"({value} -> _k{number})", f"({rule} -> _k{number})", levels - 1, number + 1, lists=lists)
    return _OBJECT.format(v=value, r=rule, n=number, kept=inner)


def _of_list(value: str, rule: str, levels: int, number: int) -> str:
    if levels == 0:
        return "null"
    element = f"_v{number}"
    of_object = _of_object(element, rule, levels, number + 1, lists=True)
    inner = _ELEMENT.format(v=element, r=rule, value=f"'{VALUE}'", of_object=of_object)
    return _LIST.format(v=value, n=number, kept=inner)


def _literal(value: object) -> str:
    # No per cent sign: the text may stand in a statement that has parameters.
    text = json.dumps(value, sort_keys=True).replace("%", r"\u0025")
    return sql.Literal(text).as_string(None) + "::jsonb"


def _name(column: str, prefix: str | None) -> str:
    return (sql.Identifier(prefix, column) if prefix else sql.Identifier(column)).as_string(None)
