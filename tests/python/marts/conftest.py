"""The small project, and databases that are ready for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.python.conftest import FreshDatabases
from tests.python.marts.small import make_project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return make_project(tmp_path, monkeypatch)


@pytest.fixture
def ready(prepared: FreshDatabases, project: Path) -> FreshDatabases:
    del project
    return prepared
