"""Stands in for the Python modules that dbt lends to Jinja."""

import pytz

__all__ = ["pytz"]
