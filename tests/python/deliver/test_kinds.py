"""The list of the kinds of destination, the modules behind it, and the places that the tests deliver to agree."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from tests.python.deliver.conftest import PLACES
from warehouse.core.destinations import KINDS, Kind
from warehouse.deliver import destinations


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_of_destination_has_its_module(kind: Kind) -> None:
    assert callable(import_module(f"{destinations.__name__}.{kind.name}").open_at)


def test_every_module_of_a_destination_is_a_kind() -> None:
    folder = Path(str(destinations.__file__)).parent
    modules = {file.stem: import_module(f"{destinations.__name__}.{file.stem}") for file in folder.glob("[!_]*.py")}
    assert {name for name, module in modules.items() if hasattr(module, "open_at")} == {kind.name for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_deliveries_are_tried_at_every_kind_of_destination(kind: Kind) -> None:
    assert kind.name in PLACES, "add it to `anywhere` in tests/python/deliver/conftest.py"
