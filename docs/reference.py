"""Writes what follows from other files: the reference pages, and a macro with the as-at rules of replication/trs.yml.

`make docs` runs it; a test fails when a page lags behind.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import typer
import yaml

from docs import columns, legacy, legacy_queries, replicated
from warehouse.cli.main import app
from warehouse.core import catalogue, class_floors, errors, fast_yaml
from warehouse.core.errors import WarehouseError
from warehouse.core.settings import PROJECT, Settings
from warehouse.core.terms import Term, load_terms, model_columns
from warehouse.core.variables import DESTINATION, KEY
from warehouse.deliver import register
from warehouse.replicate.classification import load_classification

FOLDER = PROJECT / "docs"
_WRITTEN = "<!-- Written by `make docs` from {}; edit that, not this. -->\n\n"


def pages() -> dict[str, str]:
    """The pages by file name."""
    return {
        "commands.md": commands(),
        "settings.md": settings(),
        "exit-codes.md": exit_codes(),
        "models.md": models(),
        "which-table.md": which_table(),
        "guards.md": guards(),
        "replicated.md": _WRITTEN.format("the files in replication/") + replicated.page(),
        "sharing-register.md": _WRITTEN.format("the contracts in exports/") + register.page(),
        "legacy.md": _WRITTEN.format("seeds/legacy_columns.csv and docs/legacy.py") + legacy.page(),
        "legacy-queries/README.md": _WRITTEN.format("the files beside it") + legacy_queries.page(),
        "../macros/history/as_at_rules.sql": as_at_rules(),
        "../macros/legacy/legacy_shapes.sql": legacy.shapes(),
    }


GUARDS = PROJECT / "tests" / "python" / "replicate" / "guards.csv"


def guards() -> str:
    """What is guarded by what, with the tests that show it, and what is not guarded."""
    with GUARDS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    text = _WRITTEN.format("tests/python/replicate/guards.csv") + "# What is guarded by what\n\n"
    text += (
        "[replication.md](replication.md) explains how a row travels and which layer protects it. This page lists\n"
        "each case with the test that shows its guard, most of them on real servers. `status` means\n"
        "`warehouse replicate status`, and with it `run`, `watch` and `doctor`, which ask the same questions.\n"
    )
    for area in dict.fromkeys(row["area"] for row in rows if row["tests"]):
        text += f"\n## {area}\n\n| what happens | what guards | exit code | test |\n| --- | --- | --- | --- |\n"
        for row in rows:
            if row["area"] == area and row["tests"]:
                tests = "<br>".join(f"`{test.split('::')[1]}`" for test in row["tests"].split())
                text += f"| {row['what happens']} | {row['guarded by']} | {row['exit code']} | {tests} |\n"
    text += "\n## Not guarded\n\n| what happens | why nothing finds it, and what helps |\n| --- | --- |\n"
    return text + "".join(f"| {row['what happens']} | {row['guarded by']} |\n" for row in rows if not row["tests"])


def commands() -> str:
    """Every command with its options."""
    text = _WRITTEN.format("warehouse/cli and sandbox/cli.py") + "# Commands\n\n"
    text += "Every command has `--help` and `--json`. Exit codes: [exit-codes.md](exit-codes.md).\n"
    for path, command in _walk(typer.main.get_command(app), "warehouse"):
        options = [
            p
            for p in command.params
            if p.name not in ("help", "json") and not _is_help(p) and not getattr(p, "hidden", False)
        ]
        text += f"\n## `{path}`\n\n{_paragraphs(command.help)}\n"
        if options:
            text += "\n| option | |\n| --- | --- |\n" + "".join(_option(option) for option in options)
    return text


def _walk(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    children: dict[str, click.Command] = getattr(command, "commands", {})
    if not children:
        yield path, command
    for name, child in children.items():
        yield from _walk(child, f"{path} {name}")


def _is_help(parameter: click.Parameter) -> bool:
    return "--help" in parameter.opts


def _option(parameter: click.Parameter) -> str:
    name = ", ".join(f"`{opt}`" for opt in parameter.opts)
    if parameter.param_type_name == "argument":
        name = f"`{(parameter.name or '').upper()}`"
    default = parameter.default
    shown = f" ({default})" if default not in (None, False, ...) and not callable(default) else ""
    return f"| {name} | {getattr(parameter, 'help', '') or ''}{shown} |\n"


def _paragraphs(text: str | None) -> str:
    return re.sub(r"[ \t]*\n[ \t]*", "\n", (text or "").strip())


def settings() -> str:
    """Every setting with its default."""
    text = _WRITTEN.format("warehouse/core/settings.py") + "# Settings\n\n"
    text += (
        "Set these as environment variables, or as lines of the file `.env` at the top of the checkout (git ignores "
        "it).\nPut secrets there or in files that a setting names, never on a command line. A variable that begins "
        "with\n`WAREHOUSE_` and is not listed, or that is empty (except `WAREHOUSE_TODAY`), is refused with exit "
        "code 10.\n\n| variable | default | |\n| --- | --- | --- |\n"
    )
    for name, field in Settings.model_fields.items():
        if name == "destinations":
            text += f"| `{DESTINATION}<RECIPIENT>` | – | {field.description} |\n"
            continue
        if name == "keys":
            text += f"| `{KEY}<NAME>_V<VERSION>` | – | {field.description} |\n"
            continue
        default = field.default
        if isinstance(default, Path):
            default = default.relative_to(PROJECT)
        text += f"| `{name.upper()}` | {f'`{default}`' if default is not None else '–'} | {field.description} |\n"
    return text + (
        "\n`WAREHOUSE_DEBUG=1` prints the whole trace of an unexpected error; it may show personal data.\n"
        "Google Cloud credentials come from `GOOGLE_APPLICATION_CREDENTIALS` or from the machine's own identity,\n"
        "those of Azure from `AZURE_CLIENT_ID`, `AZURE_TENANT_ID` and `AZURE_CLIENT_CERTIFICATE_PATH`, or from the\n"
        "machine's own identity, unless a file has a shared access signature.\n"
    )


def exit_codes() -> str:
    """The error tree as its module shows it."""
    tree = (errors.__doc__ or "").split("\n\n", 2)[2].strip("\n")
    text = _WRITTEN.format("warehouse/core/errors/__init__.py") + "# Exit codes\n\n"
    text += (
        "0 is success. Every error says what happened, what it means for the data and the next command; with `--json`\n"
        "it is an object with `error`, `what`, `meaning`, `next`, `exit_code` and `passes`. What to do about each\n"
        "code is in [the runbook](runbooks/when-something-fails.md).\n\n"
    )
    kinds = _kinds(WarehouseError)
    assert all(kind.__name__ in tree for kind in kinds)
    passing = ", ".join(f"{kind.__name__} ({kind.exit_code})" for kind in kinds if kind.passes)
    text += "```text\n" + "\n".join(line[4:] for line in tree.splitlines()) + "\n```\n"
    return text + (
        f"\nSome pass by themselves (`passes` is true): {passing}.\n"
        "The same command may succeed later although nobody changes anything, so a scheduler can run it again.\n"
        "All others wait for a person.\n"
    )


def _kinds(root: type[WarehouseError]) -> list[type[WarehouseError]]:
    return [kind for child in root.__subclasses__() for kind in (child, *_kinds(child))]


_RULES = """\
{{#
    Written by `make docs` from `as_at` of each table in replication/trs.yml; edit that, not this. dbt reads no file but
    its own, and a seed could not be read before it is built, nor without a database.
#}}
{{% macro as_at_rules() %}}
{rules}{{% endmacro %}}
"""


def as_at_rules() -> str:
    """The macro that tells `as_at` what is true on a day in each replicated table."""
    tables = load_classification().tables
    rules = {name: tables[name].as_at for name in load_classification().published}
    flow = {
        name: yaml.safe_dump(rule, default_flow_style=True, sort_keys=False, width=1000) for name, rule in rules.items()
    }
    return _RULES.format(rules="".join(f"{name}: {rule}" for name, rule in flow.items()))


def models() -> str:
    """Every mart and extract with its grain and columns."""
    text = _WRITTEN.format("the YAML beside each model and the field dictionary") + "# Marts and extracts\n\n"
    text += (
        "Marts live in schema `marts`, extracts in `extracts`. A column's class is `open`, `personal` or `sensitive`\n"
        "(see [replication/trs.yml](../replication/trs.yml)). `docs/querying.md` shows how to ask.\n"
    )
    terms = load_terms()
    for folder in ("marts", "extracts"):
        for file in sorted((PROJECT / "models" / folder).rglob("*.yml")):
            for model in fast_yaml.safe_load(file.read_text()).get("models", []):
                text += _model(folder, model, terms)
    return text


def which_table() -> str:
    """The questions that the marts answer, by domain, each with its table and query; then every mart."""
    text = _WRITTEN.format("docs/questions.yml and the YAML beside each model") + "# Which table answers …\n\n"
    text += (
        "The questions by domain, each with the mart that answers it and a query to begin with.\n"
        "`warehouse tables NAME` shows the columns of a mart;\n"
        "[models.md](models.md) has them all. Every query here runs in the tests.\n"
    )
    every = [table for table in catalogue.tables() if table.schema == "marts"]
    for domain in dict.fromkeys(table.domain for table in every):
        text += f"\n## {domain.replace('_', ' ').capitalize()}\n\n| table | one row per | |\n| --- | --- | --- |\n"
        own = [table for table in every if table.domain == domain]
        for table in own:
            grain = ", ".join(f"`{name}`" for name in table.grain)
            link = f"[{table.name}](models.md#marts{table.name})"
            text += f"| {link} | {grain} | {_line(table.summary)} |\n"
        for question in (one for table in own for one in table.questions):
            text += f"\n**{question.words}** `{question.table}`\n\n```sql\n{question.query}\n```\n"
    return text


def _model(folder: str, model: dict[str, Any], terms: dict[str, Term]) -> str:
    text = f"\n## `{folder}.{model['name']}`\n\n{_line(model['description'])}\n\n"
    grain = " + ".join(f"`{name}`" for name in model["config"]["meta"]["grain"])
    text += f"Grain: {grain}.\n\n| column | class | |\n| --- | --- | --- |\n"
    for column in model_columns(model["name"], terms):
        text += f"| `{column.name}` | {_marked(column.term)} | {_line(column.term.meaning)} |\n"
    return text


def _marked(term: Term) -> str:
    """A class with the mark beside it."""
    return term.classification + (", quasi-identifier" if term.quasi_identifier else "")


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> None:
    """Write the columns of models into their YAML, the classes into their record, then every page."""
    for file, text in columns.complete().items():
        file.write_text(text, encoding="utf-8")
    class_floors.record()
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
