"""YAML by the C parser where PyYAML has it: ten times as fast, and every command reads replication/trs.yml."""

from __future__ import annotations

from typing import Any

import yaml


def safe_load(text: str) -> Any:
    """What `yaml.safe_load` gives, or its yaml.YAMLError."""
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders
