"""Stands in for dbt's `adapter` when sqlfluff renders a model: the PostgreSQL branch of a dispatched macro."""

from collections.abc import Callable

from jinja2 import pass_context
from jinja2.runtime import Context


@pass_context
def dispatch(context: Context, name: str) -> Callable[..., str]:
    macro: Callable[..., str] | None = context.resolve(f"postgres__{name}") or context.resolve(f"default__{name}")
    if not macro:
        raise LookupError(f"macros/ has neither postgres__{name} nor default__{name}")
    return macro


def quote(identifier: str) -> str:
    return f'"{identifier}"'
