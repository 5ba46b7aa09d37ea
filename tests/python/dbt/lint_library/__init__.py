"""What stands in for dbt when sqlfluff renders a model. Every name here is a name in its Jinja."""

from yaml import safe_load as fromyaml

__all__ = ["fromyaml"]
