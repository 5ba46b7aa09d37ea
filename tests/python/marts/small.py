"""A dbt project of two models under the real project's rules: a build of it takes a second."""

from __future__ import annotations

import shutil
import textwrap
from pathlib import Path

import pytest

from warehouse.core.settings import PROJECT
from warehouse.core.terms import load_terms
from warehouse.marts import dbt as dbt_module
from warehouse.marts import inputs


def make_project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A view and a mart on it, in place of the real project for as long as the test runs."""
    shutil.copytree(PROJECT / "macros" / "project", folder / "macros")
    shutil.copy(PROJECT / "profiles.example.yml", folder)
    (folder / "dbt_project.yml").write_text(
        textwrap.dedent("""
        name: small
        profile: teaching_record_warehouse
        flags: {send_anonymous_usage_stats: false}
        models:
          small:
            staging: {+schema: staging, +materialized: view}
            marts: {+schema: marts, +materialized: table}
        """)
    )
    write(folder, "staging/stg_one", "select 1 as x, 'first' as label")
    write(folder, "marts/dim_one", "select * from {{ ref('stg_one') }}")
    (folder / "models" / "marts" / "dim_one.yml").write_text(
        "models: [{name: dim_one, columns: [{name: x, data_tests: [not_null]}]}]\n"
    )
    monkeypatch.setattr(dbt_module, "PROJECT", folder)
    monkeypatch.setattr(load_terms, "__defaults__", (folder / "models" / "field_dictionary",))
    monkeypatch.setattr(inputs.project_sha256, "__defaults__", (folder,))
    return folder


def write(project: Path, name: str, query: str) -> None:
    """Write a model, such as `marts/dim_one`."""
    file = project / "models" / f"{name}.sql"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(query + "\n")
