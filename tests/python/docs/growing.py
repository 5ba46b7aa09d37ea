"""A copy of the project in which it grows: files are changed, commands and checks run, and all is put back.

The checks run in children of one process that has imported the libraries already, and dbt keeps what it parsed: a check
takes a second or two instead of ten.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from warehouse.core.settings import PROJECT

FOLDERS = ("docs", "exports", "macros", "models", "replication", "sandbox", "seeds", "tests", "warehouse")

_SERVER = """
import json, os, runpy, sys, traceback
import asyncssh, click, google.cloud.storage, hypothesis, psycopg, pyarrow, pydantic, pytest, rich, typer, yaml  # noqa
import dbt.cli.main, dbt.adapters.postgres  # noqa
import open_data_contract_standard.model  # noqa

def run(kind, arguments):
    if kind == "pytest":
        return int(pytest.main(["-q", "-p", "no:cacheprovider", "-W", "ignore", *arguments]))
    if kind == "module":
        runpy.run_module(arguments[0], run_name="__main__")
        return 0
    from warehouse.cli import main
    return main._main(arguments)

for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if not child:
        code = 99
        try:
            said = os.open(asked["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(said, 1), os.dup2(said, 2)
            sys.stdin.close()
            os.environ.update(asked["variables"])
            code = run(asked["kind"], asked["arguments"])
            sys.stdout.flush(), sys.stderr.flush()
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it printed on both streams."""

    code: int
    text: str


class Growing:
    """The copy. `with` starts the process that runs commands in it, and stops it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        for name in FOLDERS:
            shutil.copytree(PROJECT / name, self.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in (
            "dbt_project.yml",
            ".dbtignore",
            "profiles.example.yml",
            "pyproject.toml",
            "README.md",
            "CONTRIBUTING.md",
        ):
            shutil.copy(PROJECT / name, self.folder)
        self._said, self._before = folder / "said.txt", dict[Path, str | None]()
        own = {name: value for name, value in os.environ.items() if not name.startswith(("WAREHOUSE_", "TRS_", "PG"))}
        own |= {"PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1", "TRW_DBT_TARGET": str(folder / "dbt")}
        self._server = subprocess.Popen(
            [sys.executable, "-c", _SERVER],
            cwd=self.folder,
            env=own,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.communicate()

    def write(self, name: str, text: str) -> None:
        """Write a file of the copy; `restore` puts back what was there."""
        path = self.folder / name
        self._keep(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def read(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")

    def insert(self, name: str, before: str, text: str) -> None:
        """Insert text before the one place in a file that has these words."""
        old = self.read(name)
        assert old.count(before) == 1, f"{name} has {old.count(before)} times: {before}"
        self.write(name, old.replace(before, text + before))

    def restore(self) -> None:
        for path, text in self._before.items():
            if text is None:
                path.unlink(missing_ok=True)
            else:
                path.write_text(text, encoding="utf-8")
        self._before.clear()

    def changed(self) -> set[str]:
        """The files that are not as they were."""
        now = {path: path.read_text(encoding="utf-8") if path.exists() else None for path in self._before}
        return {str(path.relative_to(self.folder)) for path, text in now.items() if text != self._before[path]}

    def warehouse(self, *arguments: str, writes: str | None = None, **variables: str) -> Said:
        """Run a command of the product in the copy.

        Args:
            writes: the file that it writes, to be put back afterwards.
        """
        if writes is not None:
            self._keep(self.folder / writes)
        return self._ask("warehouse", arguments, variables)

    def make_docs(self) -> Said:
        """Run what `make docs` runs."""
        for pattern in ("docs/*.md", "macros/**/*.sql", "models/**/*.yml", "replication/*.csv"):
            for page in self.folder.glob(pattern):
                self._keep(page)
        return self._ask("module", ["docs.reference"], {})

    def check(self, *tests: str) -> Said:
        """Run tests of the copy, given as file::name."""
        return self._ask("pytest", tests, {})

    def _ask(self, kind: str, arguments: tuple[str, ...] | list[str], variables: dict[str, str]) -> Said:
        asked = {"kind": kind, "arguments": list(arguments), "variables": variables, "said": str(self._said)}
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        print(json.dumps(asked), file=self._server.stdin, flush=True)
        code = int(self._server.stdout.readline())
        return Said(code, self._said.read_text(encoding="utf-8", errors="replace"))

    def _keep(self, path: Path) -> None:
        if path not in self._before:
            self._before[path] = path.read_text(encoding="utf-8") if path.exists() else None
