"""What keeps the history: functions, triggers, tables and views, held against what the code makes, and made so again.

Not against each other and not against their names: somebody who replaces all functions alike, or points a trigger at
another function, would not be seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import psycopg
from psycopg import sql

from warehouse.core import view_rights
from warehouse.core.ledger import migrations
from warehouse.replicate.catalog.names import BY_HAND, HISTORY, LISTED_KEYS, TRIGGERS, VERSIONS
from warehouse.replicate.classification import Classification
from warehouse.replicate.history import tables, views
from warehouse.replicate.json_keys import filter as key_filter
from warehouse.replicate.replica import filtered, manual_writes
from warehouse.replicate.replica.views_aside import aside

ROW, BEFORE, INSERT, DELETE, UPDATE, TRUNCATE = 1, 2, 4, 8, 16, 32
"""The bits of pg_trigger.tgtype."""

_FIRES = {
    TRIGGERS[0]: ROW | BEFORE | UPDATE,
    TRIGGERS[1]: ROW | BEFORE | UPDATE,
    TRIGGERS[2]: ROW | BEFORE | DELETE,
    TRIGGERS[3]: BEFORE | TRUNCATE,
    LISTED_KEYS: ROW | BEFORE | INSERT | UPDATE,
    BY_HAND + "insert": INSERT,
    BY_HAND + "update": UPDATE,
    BY_HAND + "delete": DELETE,
    BY_HAND + "truncate": TRUNCATE,
}

_FUNCTIONS = """
select n.nspname || '.' || p.proname, p.prosrc, l.lanname = 'plpgsql' and not p.prosecdef and p.proconfig is null
from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace join pg_language as l on l.oid = p.prolang
where n.nspname = %s or (n.nspname = 'ledger' and p.proname = 'note_write_by_hand')
"""

_TRIGGERS = """
select c.relname, t.tgname, h.nspname || '.' || p.proname, t.tgtype::int, t.tgqual is not null,
    -- No function that would lock the table: an expression without columns is shown without it, others as stored.
    case when starts_with(t.tgname, %s) then pg_get_expr(t.tgqual, 0) else t.tgqual::text end
from pg_trigger as t join pg_class as c on c.oid = t.tgrelid join pg_namespace as n on n.oid = c.relnamespace
join pg_proc as p on p.oid = t.tgfoid join pg_namespace as h on h.oid = p.pronamespace
where n.nspname = %s and c.relname = any(%s) and not t.tgisinternal
"""

_RELATIONS = """
select
    n.nspname,
    c.relname,
    c.relpersistence <> 'p' as is_not_logged,
    c.relowner <> (select relowner from pg_class where oid = 'ledger.epochs'::regclass) as is_others,
    c.relrowsecurity or c.relforcerowsecurity as is_secured,
    n.nspname = %(history)s and exists (select from pg_trigger as t where t.tgrelid = c.oid and not t.tgisinternal)
        as has_triggers,
    exists (select from pg_rewrite as r where r.ev_class = c.oid) as has_rules
from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and (n.nspname = %(history)s or (n.nspname = %(schema)s and c.relname = any(%(tables)s)))
order by 1, 2
"""

_LEAVES_OUT = "leaves unlisted keys out"

_SAYS_WHO = "COALESCE(current_setting('warehouse.writer'::text, true), ''::text) = ''::text"


@dataclass(frozen=True)
class Alteration:
    """One thing of the replica that is not as it was made.

    Attributes:
        restorable: `restore()` makes it as it was.
        credentials: credentials may come in because of it.
    """

    table: str
    what: str
    restorable: bool = True
    credentials: bool = False


def faults(connection: psycopg.Connection, classification: Classification, names: Iterable[str]) -> list[Alteration]:
    """What keeps the history of some tables, and is not as the code makes it. Only reads."""
    here = tables.logged(connection, classification.schema_name, list(names))
    return [
        *_of_functions(connection, classification, here),
        *_of_triggers(connection, classification, here),
        *_of_relations(connection, classification, here),
        *(Alteration(table, "the view of its versions was altered") for table in views.altered(connection, here)),
    ]


def restore(connection: psycopg.Connection, classification: Classification, names: Iterable[str]) -> None:
    """Make functions, triggers and views of tables as the code makes them, and have their tables logged again."""
    schema = classification.schema_name
    for table in tables.logged(connection, schema, list(names)):
        with connection.transaction():
            tables.create_triggers(connection, schema, table)
            filtered.filter_values(connection, classification, table)
            with aside(connection, [(VERSIONS, table)]), view_rights.kept(connection, VERSIONS, table):
                connection.execute(sql.SQL("drop view if exists {}").format(sql.Identifier(VERSIONS, table)))
                tables.create_view(connection, schema, table, tables.published_columns(connection, schema, table))
            tables.set_logged(connection, schema, table)
    connection.execute(_note_write_by_hand().encode())
    manual_writes.note_them(connection, classification, every=True)


def _of_functions(
    connection: psycopg.Connection, classification: Classification, names: Iterable[str]
) -> Iterator[Alteration]:
    found = {name: (source, plain) for name, source, plain in connection.execute(_FUNCTIONS, (HISTORY,))}
    names = list(names)
    made = filtered.made(connection, names)
    for table in names:
        wanted = {
            f"{HISTORY}.{table}_keep": (tables.body_of_keep(classification.schema_name, table), "keeps its history")
        }
        rules = classification.json_rules(table)
        cutting = f"{HISTORY}.{key_filter.function_of(table)}"
        source, plain = found.get(cutting, ("", False))
        # A filter that is as it was made last is nobody's doing: the rule has changed, and drift says so.
        if rules and table in made and not (plain and filtered.digest(source) == made[table]):
            wanted[cutting] = (key_filter.body(rules), _LEAVES_OUT)
        for name, (body, does) in wanted.items():
            if name not in found:
                yield Alteration(table, f"the function that {does} is gone", credentials=does == _LEAVES_OUT)
            elif found[name] != (body, True):
                yield Alteration(table, f"the function that {does} was altered", credentials=does == _LEAVES_OUT)
    body = _body(_note_write_by_hand())
    if found.get("ledger.note_write_by_hand") != (body, True):
        yield Alteration("ledger", "the function that notes writes by hand was altered")


def _of_triggers(
    connection: psycopg.Connection, classification: Classification, names: list[str]
) -> Iterator[Alteration]:
    for table, trigger, function, fires, has_condition, text in connection.execute(
        _TRIGGERS, (BY_HAND, classification.schema_name, names)
    ):
        wanted = _function_of(table, trigger)
        if wanted is None:
            continue
        is_filter = trigger == LISTED_KEYS
        if function != wanted or fires != _FIRES[trigger]:
            yield Alteration(table, f"trigger {trigger} was made to do something else", credentials=is_filter)
        elif has_condition != trigger.startswith(BY_HAND) or (has_condition and _SAYS_WHO not in (text or "")):
            yield Alteration(table, f"trigger {trigger} was given another condition", credentials=is_filter)


def _function_of(table: str, trigger: str) -> str | None:
    if trigger == TRIGGERS[0]:
        return "pg_catalog.suppress_redundant_updates_trigger"
    if trigger in TRIGGERS:
        return f"{HISTORY}.{table}_keep"
    if trigger == LISTED_KEYS:
        return f"{HISTORY}.{key_filter.function_of(table)}"
    return "ledger.note_write_by_hand" if trigger in _FIRES else None


def _of_relations(
    connection: psycopg.Connection, classification: Classification, names: list[str]
) -> Iterator[Alteration]:
    said = {
        "is_not_logged": "is not logged: a crash of the server would empty it",
        "is_others": "belongs to another role",
        "is_secured": "has row security: a part of it would be taken for all of it",
        "has_triggers": "has a trigger that the warehouse did not make",
        "has_rules": "has a rule that the warehouse did not make",
    }
    rows = connection.execute(
        _RELATIONS, {"history": HISTORY, "schema": classification.schema_name, "tables": names}
    ).fetchall()
    for schema, name, *found in rows:
        table = name if schema != HISTORY else re.sub(r"_(log|\d{4}_\d{2})$", "", name)
        for (_, what), is_so in zip(said.items(), found, strict=True):
            if is_so and table in names:
                yield Alteration(table, f"{schema}.{name} {what}")


def _note_write_by_hand() -> str:
    """The statement that makes the function, of the newest migration that has it."""
    pattern = re.compile(r"create (?:or replace )?function ledger\.note_write_by_hand\(\).*?\$\$;", re.S)
    texts = [found[0] for _, _, text in migrations.available() if (found := pattern.search(text))]
    return re.sub(r"^create (or replace )?function", "create or replace function", texts[-1])


def _body(statement: str) -> str:
    return statement.split("$$")[1]
