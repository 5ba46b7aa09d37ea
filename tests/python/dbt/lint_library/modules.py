"""Stands in for the Python modules that dbt lends to Jinja."""

import re

import pytz

__all__ = ["pytz", "re"]
