"""Terminals, a second time: a warehouse that was used, and whose ledger, marts, contracts and logins hold hostile text.

The walk of test_terminals.py has a hostile source and hostile arguments. Here every command is run on records that it
prints, and what it prints has to have the hostile text in it, as text: a command that was walked over nothing shows
nothing.
"""

from __future__ import annotations

from datetime import date
from functools import partial
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.python.conftest import FreshDatabases
from tests.python.deliver.killed import no_check
from tests.python.deliver.world import document, write_contract
from tests.python.marts.publishing import make
from tests.python.replicate.trouble import populate
from tests.python.security.test_terminals import (
    EVIL,
    NOT_WALKED,
    SHOWN,
    SHOWN_BY_THE_SOURCE,
    Call,
    call,
    commands,
    is_harmless,
)
from warehouse.cli import contract as contract_commands
from warehouse.cli import deliveries, delivery_decisions
from warehouse.cli import main as cli
from warehouse.core import roles
from warehouse.core.contracts.place import named
from warehouse.core.database import one
from warehouse.core.databases import Databases
from warehouse.core.errors import UnexpectedFailure
from warehouse.deliver import World, deliver, dry_run, redo
from warehouse.deliver.register import register

__all__ = ["call"]

pytestmark = pytest.mark.slow

DAY = date(2026, 10, 3)
DELIVERY = "dandi/teachers/2026-09"
HOSTILE = f"{EVIL}/{EVIL}/2026-08"
ROWS = """
select '0000001' as trn, 'Ada' as last_name, date '1980-01-02' as born, 1.5::numeric(6, 2) as hours, 1 as urn,
    true as is_active, timestamptz '2026-09-01' as changed
"""
_COLUMNS = """
select c.relname, a.attname, format_type(a.atttypid, null), a.attnotnull and not a.atthasdef, coalesce((
        select substring(pg_get_constraintdef(k.oid) from a.attname || $$ = ANY \\(ARRAY\\['([^']+)'$$)
        from pg_constraint as k
        where k.conrelid = c.oid and k.contype = 'c' and pg_get_constraintdef(k.oid) ~ (a.attname || ' = ANY')
        limit 1
    ), '')
from pg_class as c join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = 'ledger'::regnamespace and c.relkind = 'r' and a.attgenerated = '' and a.attidentity = ''
order by c.relname, a.attnum
"""
_EMPTY = {
    "integer": "1", "bigint": "1", "smallint": "1", "numeric": "1", "double precision": "1", "boolean": "false",
    "timestamp with time zone": "now()", "date": "current_date", "xid8": "pg_current_xact_id()", "pg_lsn": "'0/1'",
    "bytea": "''", "jsonb": "'{}'", "oid": "1",
}  # fmt: skip
"""Of columns that have to have a value and hold no text."""

HELD: dict[str, str] = {
    "conflicts.key": "jsonb_build_object({evil}, {evil})",
    "delivery_decisions.delivery_id": f"'{DELIVERY}'",
    "builds.vintage": "{evil}",
    "builds.known_at": "now()",
    "builds.state": "'kept'",
    "builds.as_at": "current_date",
    "deliveries.delivery_id": "{evil} || '/' || {evil} || '/2026-08'",
    "deliveries.period": "'2026-08'",
    "deliveries.replaces": "null",
    "deliveries.state": "'failed'",
    "deliveries.error": "jsonb_build_object('error', {evil}, 'what', {evil}, 'meaning', {evil}, 'next', {evil})",
}
"""Values by column, where a record of that table needs them."""

LEFT = {
    "made_here": "names what stands in the catalogue",
    "delivery_transitions": "is fixed by a migration",
    "migrations": "is fixed by the program",
    "epochs": "has the stream that runs",
    "keys": "holds the fingerprint of a key in use",
    "apparatus": "is compared with functions that are there, not shown",
    "source_meanings": "holds documents of a form of its own",
    "delivered_people": "holds bits",
    "replication_position": "has one record, of numbers",
    "slot_positions": "has one record, of the stream that runs",
}
"""Tables of the ledger that are left as they are."""

ARGUMENTS: dict[str, list[str]] = {
    "build": ["--as-known-at", EVIL, "--name", EVIL],
    "build diff": [EVIL, "current"],
    "build drop": [EVIL],
    "build show": [EVIL],
    "contract check": ["dandi/hostile"],
    "contract csvw": [EVIL],
    "contract new": [EVIL],
    "contract sync": ["--check"],
    "deliveries diff": [DELIVERY, EVIL],
    "deliveries dry-run": ["dandi/teachers"],
    "deliveries find-person": ["/dev/null"],
    "deliveries received": [HOSTILE, "--because", EVIL],
    "deliveries recreate": [HOSTILE],
    "deliveries redo": [HOSTILE, "--because", EVIL],
    "deliveries release": [HOSTILE, "--because", EVIL],
    "deliveries resend": [HOSTILE, "--because", EVIL],
    "deliveries show": [DELIVERY],
    "erase": ["--trn-file", "TRN", "--dry-run"],
    "deliveries verify": [HOSTILE],
    "grants login": [EVIL, "--role", EVIL],
    "replicate check-migration": ["/dev/null"],
    "replicate skip": ["--lsn", EVIL, "--because", EVIL, "--yes"],
    "replicate sql": ["--role", "reader"],
    "replicate watch": ["--once"],
    "sql": ["select * from ledger.conflicts"],
    "tables": [EVIL],
}
"""What a command is given; the others take nothing."""


def hostile_ledger(warehouse: psycopg.Connection) -> list[str]:
    """A record with hostile text in each table; returns the tables that took none, with the reason."""
    tables: dict[str, list[tuple[str, str, bool, str]]] = {}
    for table, *column in warehouse.execute(_COLUMNS).fetchall():
        tables.setdefault(table, []).append(tuple(column))
    refused = []
    evil = sql.Literal(EVIL).as_string()
    warehouse.execute("set session_replication_role = replica")
    for table, columns in tables.items():
        if table in LEFT:
            continue
        given = {}
        for column, type_, needed, allowed in columns:
            own = HELD.get(f"{table}.{column}")
            if own or allowed:
                given[column] = own.format(evil=evil) if own else f"'{allowed}'"
            elif type_ in ("text", "text[]"):
                given[column] = evil if type_ == "text" else f"array[{evil}]"
            elif needed:
                given[column] = _EMPTY[type_]
        target = sql.Identifier("ledger", table).as_string()
        names = ", ".join(sql.Identifier(name).as_string() for name in given)
        try:
            warehouse.execute(f"insert into {target} ({names}) values ({', '.join(given.values())})".encode())
        except psycopg.Error as error:
            refused.append(f"{table}: {error}".splitlines()[0])
    warehouse.execute("set session_replication_role = origin")
    return refused


SHOWS_NONE: dict[str, str] = {
    "erase": "never repeats what it was given or what it found (erase/test_command.py)",
    "reads": "needs a server that counts statements; otherwise it says that alone",
    "up": "has addresses of servers",
    "replicate preflight": "names tables of replication/, rights and servers",
    "replicate skip": "needs a stream that waits at a transaction (replicate/test_conflicts.py)",
    "replicate source": "has addresses of servers",
    "replicate sql": "prints a program, which is not to be escaped",
    "replicate check-migration": "names tables of replication/ alone",
    "replicate classes": "names columns of replication/ and of models",
    "replicate secrets": "names columns of replication/ and keys of a list (test_secrets.py)",
    "deliveries due": "names extracts, by a strict pattern",
    "deliveries dry-run": "its values are escaped in the file (test_what_files_hold.py)",
    "deliveries find-person": "never repeats what it was given (cli/test_find_person.py)",
    "contract sync": "names columns of models, by a strict pattern",
}
"""Commands that have nothing of anybody's to show in this walk, and why."""


@pytest.fixture
def used(call: Call, prepared: FreshDatabases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A warehouse that has replicated, built and delivered, and then got its hostile records; a file with a TRN."""
    given = document()
    given["description"]["purpose"] = given["description"]["limitations"] = EVIL
    contract = write_contract(tmp_path / "exports", given)
    populate(prepared, 3)
    assert call("replicate", "run")[0] == 0
    make(prepared, DAY, extracts__dandi_teachers=ROWS)
    prepared.settings.warehouse_deliveries = tmp_path / "deliveries"

    def world(_: Databases) -> World:
        return World(prepared.warehouse_conninfo, prepared.settings, DAY, DAY, exports=contract.parent.parent)

    monkeypatch.setattr(deliveries, "world_of", world)
    monkeypatch.setattr(delivery_decisions, "world_of", world)
    monkeypatch.setattr(deliveries.register, "register", partial(register, exports=contract.parent.parent))
    # The gate's library takes seconds to import; it has tests of its own.
    monkeypatch.setattr(deliveries, "deliver", partial(deliver, check=no_check))
    monkeypatch.setattr(deliveries, "dry_run", partial(dry_run, check=no_check))
    monkeypatch.setattr(delivery_decisions, "redo", partial(redo, check=no_check))
    assert call("deliver")[0] == 0
    apart = write_contract(tmp_path / "apart", {**given, "version": EVIL})
    apart.rename(apart.with_name("hostile.odcs.yaml"))
    monkeypatch.setattr(contract_commands, "named", partial(named, folder=tmp_path / "apart"))
    with prepared.warehouse() as warehouse:
        roles.apply(warehouse, prepared.settings)
        assert call("grants", "login", EVIL, "--role", "analyst")[0] == 0
        assert hostile_ledger(warehouse) == []
        (name,) = one(warehouse, "select rolname from pg_roles where rolname = %s", (EVIL.encode()[:63].decode(),))
        warehouse.execute(sql.SQL("grant select on ledger.runs to {}").format(sql.Identifier(name)))
    trn = tmp_path / "trn"
    trn.write_text("1234567")
    trn.chmod(0o600)
    return trn


def test_every_command_prints_the_text_of_the_ledger_as_text(call: Call, used: Path) -> None:
    harmful, silent = [], []
    for name in [*commands(cli.app), "build"]:
        if name in NOT_WALKED:
            continue
        given = [str(used) if word == "TRN" else word for word in ARGUMENTS.get(name, [])]
        shown = name in SHOWS_NONE or name in SHOWN_BY_THE_SOURCE
        for options in ([], ["--json"]):
            code, out, err = call(*name.split(), *given, *options)
            # What `replicate sql` prints is a program.
            good = is_harmless(err) and (is_harmless(out) or name == "replicate sql")
            if not good or code == UnexpectedFailure.exit_code:
                harmful.append((name, code, out, err))
            shown = shown or SHOWN.search(out + err) is not None
        silent += [] if shown else [name]
    assert harmful == []
    assert silent == []


def test_what_shows_nothing_is_a_command() -> None:
    assert set(ARGUMENTS) | set(SHOWS_NONE) <= {*commands(cli.app), "build"}
