"""A new column from the source to a mart and an extract, counted in files: six by hand, none of them Python.

`make docs` and `warehouse contract sync` write what follows from the six: the column in the YAML of both models, its
class in the record of classes, and its line in the reference page. It is done in a copy of the project, and the rules
of the project are asked of the copy.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from warehouse.core.settings import PROJECT

pytestmark = pytest.mark.slow

NAME = "preferred_language"

# File, the line that the new one comes behind, and the new one.
BY_HAND = {
    "replication/trs.yml": (
        "      trn: personal\n      first_name",
        "      trn: personal\n      {name}: personal\n      first_name",
    ),
    "models/staging/trs/stg_trs__persons.sql": (
        "{{{{ as_trimmed_text('source.trn') }}}} as trn,\n",
        "{{{{ as_trimmed_text('source.trn') }}}} as trn,\n        {{{{ as_text('source.{name}') }}}} as {name},\n",
    ),
    "models/marts/people/dim_person.sql": ("described.gender,\n", "described.gender,\n        described.{name},\n"),
    "models/field_dictionary/person.md": (
        "{{% docs gender %}}",
        "{{% docs {name} %}}\n{{# string, personal #}}\nThe language in which the person asked to be written to.\n"
        "{{% enddocs %}}\n\n{{% docs gender %}}",
    ),
    "models/extracts/dandi/dandi_teachers.sql": (
        "        persons.gender_label,\n",
        "        persons.gender_label,\n        persons.{name},\n",
    ),
    "exports/dandi/teachers.odcs.yaml": (
        "      - name: is_deceased\n",
        "      - name: {name}\n      - name: is_deceased\n",
    ),
}
BY_COMMAND = {
    "models/marts/people/dim_person.yml",
    "models/extracts/dandi/dandi_teachers.yml",
    "docs/models.md",
    "replication/classes.csv",
}
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".warehouse", "deliveries", "target", "logs", "__pycache__", ".*_cache"
)


def run(checkout: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the copy, with nothing of the caller's settings."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WAREHOUSE_", "TRS_", "PG", "PYTEST_"))
    }
    return subprocess.run(
        [sys.executable, *command],
        cwd=checkout,
        env=own | {"PYTHONPATH": str(checkout), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def touched(checkout: Path, untouched: dict[str, bytes]) -> set[str]:
    return {name for name, content in untouched.items() if (checkout / name).read_bytes() != content}


def test_a_new_column_touches_six_files_and_no_python(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(PROJECT, checkout, ignore=LEFT_OUT)
    before = {str(f.relative_to(checkout)): f.read_bytes() for f in checkout.rglob("*") if f.is_file()}

    for file, (old, new) in BY_HAND.items():
        text = (checkout / file).read_text(encoding="utf-8")
        assert text.count(old.format(name=NAME)) == 1, file
        (checkout / file).write_text(text.replace(old.format(name=NAME), new.format(name=NAME)), encoding="utf-8")
    by_hand = touched(checkout, before)
    assert by_hand == set(BY_HAND)
    assert len(by_hand) <= 6
    assert not [name for name in by_hand if name.endswith(".py")]

    for command in (("-m", "docs.reference"), ("-m", "warehouse.cli.main", "contract", "sync")):
        done = run(checkout, *command)
        assert done.returncode == 0, done.stdout + done.stderr
    assert touched(checkout, before) == set(BY_HAND) | BY_COMMAND
    # Nothing is left to say: dbt parses it, and every rule on layers, classes, types, terms and contracts holds.
    rules = ("test_fields.py", "test_staging.py", "test_layers.py")
    done = run(
        checkout, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(f"tests/python/dbt/{name}" for name in rules)
    )
    assert done.returncode == 0, done.stdout[-4000:]
    done = run(checkout, "-m", "warehouse.cli.main", "contract", "sync", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    contract = (checkout / "exports/dandi/teachers.odcs.yaml").read_text(encoding="utf-8")
    assert "The language in which the person asked" in contract.partition(f"- name: {NAME}\n")[2][:300]
