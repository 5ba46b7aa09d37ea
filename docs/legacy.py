"""Writes what follows from seeds/legacy_columns.csv: the shapes of the old tables for dbt, and the page about them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from warehouse.core import fast_yaml
from warehouse.core.old_names import OldColumn, has_view, load
from warehouse.core.settings import PROJECT

_MACRO: Final = """{#
    Written by `make docs` from seeds/legacy_columns.csv; edit that, not this. dbt reads no file but its own, and a seed
    could not be read before it is built. It is text, because every macro is read for every model that is linted.

    The columns of an old table that has a view, each with the type of its values, as `name:type name:type`: those that
    have no successor; or, of a replica, those that its view shows.
#}
"""

_INTRODUCTION: Final = """# The old reporting names

The reporting copy (84 tables, {total:,} columns in SQL Server) was switched off in August 2026. The schema `legacy` has
views with its names, so that saved queries, reports and habits can move one by one. They are versioned, and their
last day is **{until}**: new work belongs on the marts ([which-table.md](which-table.md)).

| | columns | |
| --- | ---: | --- |
| same | {same:,} | the value that TRS has, in the old type |
| derived | {derived:,} | made of other columns, as the lists below say |
| gone | {gone:,} | no successor: left out of the views |

`legacy.coverage` has these rows, to ask: `select * from legacy.coverage where legacy_column = 'dfeta_spent'`.

## How the views differ from the tables

- **Names** are in small letters, as PostgreSQL reads every name that is not in quotes: write `Id`, `ID` or `id`, but
  never `"Id"`. No name needs quotes.
- **Types.** `uniqueidentifier` and all kinds of text are text, keys in small letters. `bit` is 0 or 1. `datetime` has
  no zone and is in UTC. `date`, `int`, `bigint` and `decimal` are as they were. Lists and JSON are text, as in the
  old copy.
- **Days** are midnights. The old copy had the midnight of London in UTC, so a day in summer was 23:00 of the day
  before. A query that allowed for that, by adding an hour or by converting to London, still finds the right day.
- **Codes** are mapped back. A code of TRS that the old set lacks is -1, or `unknown (…)` where the old code was text.
  The quality measure `dq_legacy_<view>_codes_are_mapped` says where, and what to use instead.
- **Look-ups** (`dfeta_countryid`, `dfeta_sanctioncodeid` …) hold the code of the look-up (`dfeta_value`), and so does
  the `id` of the look-up's table: joins work, and TRS did not keep the old keys.
- **Deleted rows** are left out of the tables of the customer system: `statecode` is 0, but for people (deactivated is
  1) and lists. The replicas (`trs_*`) have them, with `deleted_on`.
- **`__inserted` and `__updated`** are commit times at the source, of the first and the last version of the row. Rows
  of the warehouse's first copy have its time.
- **`dfeta_sanction`** and `dfeta_sanction_legacy` are the same rows: the table was renamed in November 2024.
- **Columns that are gone** are left out. A tool that needs the whole shape gets them as nulls of the right type in a
  build with `--vars 'legacy_nulls: true'`.
- **Rights** are those of the marts: an analyst sees the columns of the classes of their role, and names them, because
  `select *` asks for all. The class of each column is in its comment, and follows from what it is made of.
"""

_READS: Final = """
## Who still reads them

PostgreSQL counts reads of tables, never of views: `pg_stat_user_tables` has no row for these. Where the server has the
extension `pg_stat_statements`, `warehouse reads` counts the statements that name the schema, by view and role. A view
that nobody has read since the server began to count can go.

It misses queries that leave the schema out (`search_path`). Other roles' statements are shown to those who may see
them (`pg_read_all_stats`). The embedded server does not load the extension. Without it nothing counts: a server's log
has the statements of a login after `alter role … set log_statement = 'all'`. On BigQuery, `INFORMATION_SCHEMA.JOBS`
has the text of each query.
"""


def shapes() -> str:
    """The macros `legacy_gone`, `legacy_kept` and `legacy_loaded`."""
    tables = {table: columns for table, columns in sorted(_tables(load()).items()) if has_view(table)}
    gone = {table: [one for one in columns if one.outcome == "gone"] for table, columns in tables.items()}
    kept = {
        table: [one for one in columns if one.outcome != "gone"]
        for table, columns in tables.items()
        if table.startswith("trs_")
    }
    loaded = [table for table, columns in kept.items() if any(one.name == "__inserted" for one in columns)]
    text = _MACRO + _macro("legacy_gone", gone) + "\n" + _macro("legacy_kept", kept)
    text += "\n{# The replicas whose rows have the times of their loading. #}\n{% macro legacy_loaded() -%}\n"
    return text + f"    {' '.join(loaded)}\n{{%- endmacro %}}\n"


def _macro(name: str, tables: Mapping[str, Sequence[OldColumn]]) -> str:
    cases = [
        f"{{%- {'if' if place == 0 else 'elif'} table == '{table}' -%}}\n"
        f"    {' '.join(f'{one.name}:{one.view_type}' for one in columns)}\n"
        for place, (table, columns) in enumerate(tables.items())
    ]
    return f"{{% macro {name}(table) -%}}\n{''.join(cases)}{{%- endif -%}}\n{{%- endmacro %}}\n"


def page() -> str:
    """What became of the old tables, table by table."""
    columns = load()
    counts = Counter(one.outcome for one in columns)
    text = _INTRODUCTION.format(total=len(columns), until=f"{until():%-d %B %Y}", **counts)
    text += _READS
    text += "\n## Each table\n\n| table | same | derived | gone |\n| --- | ---: | ---: | ---: |\n"
    tables = _tables(columns)
    for table, listed in tables.items():
        if has_view(table):
            each = Counter(one.outcome for one in listed)
            text += f"| `{table}` | {each['same']} | {each['derived']} | {each['gone']} |\n"
    text += "\n## What is derived, and what is gone\n"
    for table, listed in tables.items():
        if has_view(table):
            text += _told(table, listed)
    return text + _without_successor(tables)


def until() -> date:
    """The day on which the views go: every one of them says the same."""
    days = {
        version["deprecation_date"]
        for file in sorted((PROJECT / "models" / "legacy").glob("*/*.yml"))
        for model in fast_yaml.safe_load(file.read_text(encoding="utf-8"))["models"]
        for version in model["versions"]
    }
    (day,) = days
    assert isinstance(day, date)
    return day


def _told(table: str, columns: Sequence[OldColumn]) -> str:
    derived = [one for one in columns if one.outcome == "derived" and not one.name.startswith("__")]
    gone: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for one in columns:
        if one.outcome == "gone":
            gone[one.explanation, one.gone_since, one.use_instead].append(one.name)
    if not (derived or gone):
        return ""
    text = f"\n### {table}\n"
    if derived:
        text += "\n| derived | of | how |\n| --- | --- | --- |\n"
        text += "".join(f"| `{one.name}` | {one.made_of} | {one.explanation} |\n" for one in derived)
    if gone:
        text += "\n| gone | why | since | instead |\n| --- | --- | --- | --- |\n"
        text += "".join(f"| {_named(names)} | {why} | {since} | {use} |\n" for (why, since, use), names in gone.items())
    return text


def _without_successor(tables: dict[str, list[OldColumn]]) -> str:
    text = "\n## Tables without a successor\n\n"
    text += "| table | columns | why | since | instead |\n| --- | ---: | --- | --- | --- |\n"
    for table, listed in tables.items():
        if not has_view(table):
            one = listed[0]
            text += f"| `{table}` | {len(listed)} | {one.explanation} | {one.gone_since} | {one.use_instead} |\n"
    return text


def _named(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _tables(columns: Iterable[OldColumn]) -> dict[str, list[OldColumn]]:
    found: defaultdict[str, list[OldColumn]] = defaultdict(list)
    for one in columns:
        found[one.table].append(one)
    return found
