"""Terminals: what comes from data, from a name or from a file is text, wherever a command prints it.

Every command is walked on a source with hostile names and values. A command that is new has to be walked too.
"""

from __future__ import annotations

import importlib
import io
import json
import pkgutil
import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import typer
from rich.console import Console

import warehouse.cli
from tests.python.conftest import FreshDatabases
from tests.python.replicate.trouble import populate
from warehouse.cli import main as cli
from warehouse.cli import output
from warehouse.cli.findings import print_findings
from warehouse.core import hostile
from warehouse.core.errors import NewColumnsHeld, UnexpectedFailure, UsageError
from warehouse.core.finding import failed
from warehouse.core.settings import PROJECT

FORGED = "ERROR  all is lost"
EVIL = f"""q"'\x1b]52;c;ZWNobw==\x07\x1b[2J\u202egpj[/red]\\[bold]\\[/x][link=http://evil]\r\n{FORGED}"""
TABLE, COLUMN = f"t{EVIL}"[:56], f"c{EVIL}"[:56]
VALUE = f"{EVIL} \x9b31m \u200b\u2028"

WALKED: list[list[str]] = [
    ["replicate", "preflight"],
    ["replicate", "run"],
    ["replicate", "status"],
    ["replicate", "drift"],
    ["replicate", "apply"],
    ["replicate", "watch", "--once"],
    ["replicate", "reconcile"],
    ["replicate", "reconcile", "--table", TABLE],
    ["replicate", "reconcile", "--history"],
    ["replicate", "repair", "--allow-deletes", TABLE],
    ["replicate", "conflicts"],
    ["replicate", "skip", EVIL],
    ["replicate", "clocks"],
    ["replicate", "clocks", "--acknowledge", "--because", EVIL],
    ["replicate", "retention"],
    ["replicate", "source"],
    ["replicate", "sql", "--role", "reader"],
    ["replicate", "classes"],
    ["replicate", "secrets"],
    ["replicate", "check-migration", "MIGRATION"],
    ["doctor"],
    ["status"],
    ["up"],
    ["grants", "show"],
    ["grants", "check"],
    ["grants", "login", EVIL, "--role", EVIL],
    ["deliveries", "list"],
    ["deliveries", "due"],
    ["deliveries", "register"],
    ["deliveries", "show", EVIL],
    ["deliveries", "verify"],
    ["deliveries", "verify", EVIL],
    ["deliveries", "find-person", EVIL],
    ["deliveries", "diff", EVIL, EVIL],
    ["deliveries", "recreate", EVIL],
    ["deliveries", "redo", EVIL, "--because", "it is a test"],
    ["deliveries", "release", EVIL, "--because", "it is a test"],
    ["deliveries", "dry-run", EVIL, "--period", EVIL],
    ["deliveries", "received", EVIL, "--because", "it is a test"],
    ["deliveries", "resend", EVIL, "--because", "it is a test"],
    ["tables"],
    ["tables", EVIL],
    ["quality"],
    ["reads"],
    ["build", "--as-known-at", EVIL, "--name", EVIL],
    ["build", "list"],
    ["build", "show", EVIL],
    ["build", "diff", EVIL, "current"],
    ["build", "drop", EVIL],
    ["contract", "check", EVIL],
    ["contract", "csvw", EVIL],
    ["contract", "new", EVIL],
    ["contract", "sync", "--check", EVIL],
    ["erase", "--help"],
    ["sql", f'select last_name, 1 as "{COLUMN.replace(chr(34), chr(34) * 2)}" from public.persons'],
    ["sql", "--source", "select last_name, middle_name from persons"],
    ["sql", "select last_name from public.persons; select 2"],
    ["sql", f"select '{EVIL.replace(chr(39), chr(39) * 2)}'::date"],
    ["sql", f"select {EVIL}"],
    [EVIL],
]
"""Commands with what a hostile world could have them print, and with hostile arguments."""

SHOWN = re.compile(r"\\(x1b|u001b)\]52;c;")
"""The beginning of the hostile text in escapes, as a terminal and as JSON have it."""

SHOWN_BY_THE_SOURCE = {
    f"replicate {one}" for one in ("run", "status", "drift", "apply", "watch", "reconcile", "repair")
}
"""Commands that show what a hostile source has; test_terminals_of_a_ledger.py has those that show the warehouse's."""

NOT_WALKED = {
    "run": "its stages are: replicate, the build, deliver",
    "deliver": "needs a build; its errors go through the same printer",
    "keys list": "reads the settings alone",
    "keys make": "makes a file of random bytes",
    "down": "stops the servers that others use",
    "replicate reset": "removes what the walk looks at",
    "sandbox": "writes to the sandbox's own database",
    "grants apply": "makes roles of the whole server, which others use; what it prints `grants show` prints",
}


@pytest.fixture
def call(prepared: FreshDatabases, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """A command, in this process, on the databases of this test."""
    modules = [
        importlib.import_module(one.name) for one in pkgutil.walk_packages(warehouse.cli.__path__, "warehouse.cli.")
    ]
    for module in modules:
        if hasattr(module, "load"):
            monkeypatch.setattr(module, "load", lambda: prepared.settings)
        if hasattr(module, "Databases"):
            monkeypatch.setattr(module, "Databases", lambda _: prepared)
    monkeypatch.setattr(prepared, "start", lambda: [])
    monkeypatch.setattr(prepared, "calendar", lambda: date(2026, 10, 3))

    def run(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = cli._main(list(arguments))
        said = capfd.readouterr()
        return code, said.out, said.err

    return run


Call = Callable[..., tuple[int, str, str]]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def hostile_source(databases: FreshDatabases) -> None:
    populate(databases, 3)
    with databases.at_source() as source:
        source.execute("update persons set last_name = %s, middle_name = %s", (VALUE, VALUE))
        source.execute(f"create table {quoted(TABLE)} ({quoted(COLUMN)} int primary key)".encode())
        source.execute(f"alter table persons add column {quoted(COLUMN)} text default '{FORGED}'".encode())
        source.execute(f"create schema {quoted(TABLE)}".encode())


def documents(text: str) -> list[Any]:
    """JSON documents, one after another: a report, and the error that a command ends with."""
    found = []
    while text := text.lstrip():
        value, end = json.JSONDecoder().raw_decode(text)
        found.append(value)
        text = text[end:]
    return found


def is_harmless(text: str) -> bool:
    return not hostile.ANY.search(text.replace("\n", "")) and f"\n{FORGED}" not in f"\n{text}"


@pytest.mark.slow
def test_no_command_prints_what_a_hostile_source_says(call: Call, prepared: FreshDatabases, tmp_path: Any) -> None:
    hostile_source(prepared)
    migration = tmp_path / "evil.sql"
    migration.write_text(f"alter table {quoted(TABLE)} drop column {quoted(COLUMN)};\ndrop table persons;")
    shown, harmful = "", []
    shown_by: set[str] = set()
    for arguments in WALKED:
        given = [str(migration) if one == "MIGRATION" else one for one in arguments]
        for options in ([], ["--json"]):
            code, out, err = call(*given, *options)
            good = code != UnexpectedFailure.exit_code and is_harmless(err)
            if not good or not (is_harmless(out) or arguments[:2] == ["replicate", "sql"]):
                harmful.append((given, code, out, err))
            if options and "--help" not in given:
                documents(out)
            shown += out + err
            if SHOWN.search(out + err):
                shown_by |= {" ".join(given[:2]), given[0]}
    assert harmful == []
    assert shown_by >= SHOWN_BY_THE_SOURCE
    code, out, err = call("replicate", "run")
    assert code == NewColumnsHeld.exit_code and r"[/red]\[bold]" in err
    # What was hostile is shown, as text and in escapes.
    for text in (r"\x1b]52;c;", r"\u202e", r"\[/x][link=http://evil]", r"\r\n" + FORGED, r"\x9b31m"):
        assert text in shown, text


def test_every_command_is_walked() -> None:
    walked = {" ".join(one[:2]) for one in WALKED} | {one[0] for one in WALKED}
    assert [name for name in commands(cli.app) if name not in walked and name not in NOT_WALKED] == []


def test_nothing_is_printed_past_the_printer() -> None:
    """Who writes to a stream by itself has to make what it writes harmless by itself, and is listed."""
    past = {"cli/output.py", "cli/answer.py", "cli/sql.py", "cli/replicate/watch.py", "cli/entry.py", "cli/main.py"}
    writes = re.compile(r"(?<![\w.])print\(|sys\.std(out|err)\.(write|buffer)|typer\.echo|rich\.markup|Console\(")
    found = {
        str(file.relative_to(PROJECT / "warehouse"))
        for file in (PROJECT / "warehouse").rglob("*.py")
        if writes.search(file.read_text(encoding="utf-8"))
    }
    assert found <= past, found - past


def commands(app: typer.Typer, before: str = "") -> list[str]:
    found = [f"{before}{one.name}" for one in app.registered_commands]
    for group in app.registered_groups:
        if group.typer_instance is not None and group.name not in NOT_WALKED:
            found += commands(group.typer_instance, f"{group.name} ")
    return found


def test_a_pipe_gets_values_and_a_terminal_escapes(
    call: Call, prepared: FreshDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In CSV and COPY the values are the data; a terminal is no place for them."""
    with prepared.at_warehouse() as connection:
        connection.execute("create table evil as select %s::text as v", (VALUE,))
    for question in (["--format", "csv", "select v from evil"], ["copy evil to stdout (format csv)"]):
        monkeypatch.setattr(output.Printer, "is_terminal", False)
        _, out, _ = call("sql", *question)
        assert "\x1b]52" in out and "\u202e" in out
        monkeypatch.setattr(output.Printer, "is_terminal", True)
        _, out, _ = call("sql", *question)
        assert r"\x1b]52" in out and r"\u202e" in out
        assert not hostile.ANY.search(out.replace("\n", ""))


@pytest.mark.parametrize("terminal", [True, False])
def test_errors_findings_and_progress_are_lines_of_text(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    printer = output.Printer()
    printer.console = Console(file=file, force_terminal=terminal, color_system=None, markup=False, width=400)
    for module in ("output", "findings"):
        for stream in ("out", "err"):
            monkeypatch.setattr(f"warehouse.cli.{module}.{stream}", printer, raising=False)
    output.print_error(UsageError(VALUE, meaning=VALUE, next_command=VALUE))
    print_findings([failed(VALUE, VALUE, VALUE, UsageError, VALUE)])
    progress = output.TerminalProgress()
    progress.done(VALUE, output.styled(VALUE, "bold"))
    progress.wait(VALUE)
    said = file.getvalue()
    assert is_harmless(said)
    assert said.count("[link=http://evil]") == 3 + 4 + 2 + 1


def test_a_table_is_text(capfd: pytest.CaptureFixture[str]) -> None:
    output.print_table(EVIL, [COLUMN, "n"], [[VALUE, 1], [r"\[red]", 2], ["[/x]", 3]])
    out = capfd.readouterr().out
    assert is_harmless(out)
    assert r"\[red]" in out and "[/x]" in out and r"\x1b]52" in out


def test_a_trace_is_text(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError(VALUE)

    monkeypatch.setattr(cli, "app", fail)
    monkeypatch.setenv("WAREHOUSE_DEBUG", "1")
    assert cli._main(["doctor"]) == UnexpectedFailure.exit_code
    err = capfd.readouterr().err
    assert r"\x1b]52" in err and not hostile.ANY.search(err.replace("\n", ""))
