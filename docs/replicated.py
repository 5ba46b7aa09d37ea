"""The page that says what of the source is replicated for what, and what stays behind for which reason."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from warehouse.core import fast_yaml
from warehouse.core.keep import Keep
from warehouse.core.settings import PROJECT
from warehouse.replicate.classification import Classification, Table, load_classification

FILE = PROJECT / "replication" / "uses.yml"

_HEAD = """\
# What is replicated, and what for

Nothing leaves the source that no mart and no recipient uses, or will. This page lists each sensitive column that is
replicated with its uses, and everything that stays at the source with the reason. Keys of JSON columns are listed in
[replication/trs_json.yml](../replication/trs_json.yml): what has no line there stays behind, in any kind of row.
"""


@cache
def uses() -> dict[str, dict[str, list[str]]]:
    """For each table its sensitive columns, each with the names of its uses."""
    return dict(fast_yaml.safe_load(FILE.read_text(encoding="utf-8"))["columns"])


@cache
def meanings() -> dict[str, str]:
    """Each use with what it is."""
    return dict(fast_yaml.safe_load(FILE.read_text(encoding="utf-8"))["uses"])


def page() -> str:
    """The whole page."""
    classification = load_classification()
    return "".join((_HEAD, *_kept(), *_how_long(classification), *_left_behind(classification)))


def _kept() -> Iterator[str]:
    yield "\n## Uses\n\n| use | |\n| --- | --- |\n"
    yield from (f"| {name} | {what} |\n" for name, what in meanings().items())
    yield "\n## Sensitive columns that are replicated\n\n| column | used for |\n| --- | --- |\n"
    for table, columns in uses().items():
        yield from (f"| `{table}.{name}` | {', '.join(why)} |\n" for name, why in columns.items())


def _how_long(classification: Classification) -> Iterator[str]:
    yield "\n## How long what ended is kept\n\n"
    yield "Current rows stay until the source deletes them. A version that ended, and a row that the source\n"
    yield "deleted, leave the history after this time, a whole month at a time (`warehouse replicate retention`).\n\n"
    yield "| tables | for | why |\n| --- | --- | --- |\n"
    for name, table in classification.tables.items():
        if table.replicate and (table.keep_days or table.keep_years):
            yield f"| `{name}` | {classification.kept[name]} | {table.pruned_by or ''} |\n"
    if classification.history:
        yield f"| all others | {Keep(years=classification.history.keep_years)} | {classification.history.because} |\n"


def _left_behind(classification: Classification) -> Iterator[str]:
    yield "\n## Tables that stay at the source\n\n| table | why |\n| --- | --- |\n"
    yield from (f"| `{name}` | {table.because} |\n" for name, table in classification.tables.items() if table.because)
    yield "\n## Columns that stay at the source\n\n| column | why |\n| --- | --- |\n"
    for name, table in classification.tables.items():
        if table.replicate:
            yield from _of_table(name, table)
    yield "\n## Keys of events that stay at the source\n\n| key | why |\n| --- | --- |\n"
    yield from (f"| `{key}` | {why} |\n" for key, why in classification.json_file.left_behind.items())


def _of_table(name: str, table: Table) -> Iterator[str]:
    for column, line in table.columns.items():
        if not line.is_published:
            yield f"| `{name}.{column}` | {line.because or 'a credential'} |\n"
