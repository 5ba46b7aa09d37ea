"""The small project, and databases that are ready for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.python.conftest import FreshDatabases
from tests.python.marts.small import make_project
from tests.python.marts.versioned import make_versioned


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return make_project(tmp_path, monkeypatch)


@pytest.fixture
def ready(prepared: FreshDatabases, project: Path) -> FreshDatabases:
    del project
    return prepared


@pytest.fixture
def world(prepared: FreshDatabases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FreshDatabases:
    """The small project with one table of which there is a history; its folder is tmp_path."""
    make_versioned(prepared, tmp_path, monkeypatch)
    return prepared
