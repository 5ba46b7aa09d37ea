"""A test's own replication/trs.yml: every step of replication reads it in place of the project's."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

import pytest

import warehouse.replicate
from warehouse.replicate.classification import Classification


def read_in_place_of_the_file(patch: pytest.MonkeyPatch, load: Callable[[], Classification]) -> None:
    """Have each module of warehouse.replicate that reads the file call `load`, wherever that module is."""
    for info in pkgutil.walk_packages(warehouse.replicate.__path__, "warehouse.replicate."):
        module = importlib.import_module(info.name)
        if hasattr(module, "load_classification") and not info.name.endswith(".classification"):
            patch.setattr(module, "load_classification", load)
