"""Stands in for dbt's way of refusing to compile, when sqlfluff renders a model."""


def raise_compiler_error(message: str) -> str:
    raise ValueError(message)
