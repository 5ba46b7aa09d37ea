"""What stands in for dbt when sqlfluff renders a model. Every name here is a name in its Jinja."""

from yaml import safe_load as fromyaml

__all__ = ["fromyaml", "var"]


def var(_: str, default: object = "item") -> object:
    """As nobody has said otherwise; sqlfluff's own makes every variable "item"."""
    return default
