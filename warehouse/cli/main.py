"""The `warehouse` command: its parts, and the one place where errors become words and exit codes."""

from __future__ import annotations

import inspect
import os
import sys
import traceback
from importlib.metadata import entry_points
from typing import Annotated, Any

import psycopg
import typer

from warehouse.cli import (
    build,
    contract,
    deliveries,
    doctor,
    erase,
    grants,
    interrupt,
    keys,
    quality,
    reads,
    replicate,
    run,
    servers,
    sql,
    status,
    tables,
)
from warehouse.cli.output import err, print_error, print_json, speak_any_language
from warehouse.core import private_files, safe_message
from warehouse.core.errors import (
    BuildFailed,
    DatabaseUnreachable,
    Interrupted,
    PageDamaged,
    SettingsError,
    UnexpectedFailure,
    UsageError,
    WaitedTooLong,
    WarehouseError,
)

app = typer.Typer(
    name="warehouse",
    help="The Teaching Record Warehouse: replicate the Teaching Record System, build tested marts, deliver extracts.",
    epilog="Start with `warehouse run`. Guides and exit codes: README.md and docs/ in the checkout.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("run")(run.run)
app.command("deliver")(deliveries.deliver_now)
app.command("erase")(erase.erase_person)
app.command("status")(status.show_status)
app.command("doctor")(doctor.doctor)
app.command("quality")(quality.quality)
app.command("sql")(sql.sql)
app.command("reads")(reads.reads)
app.command("tables")(tables.tables)
app.command("up")(servers.up)
app.command("down")(servers.down)
app.add_typer(replicate.app, name="replicate")
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(build.app, name="build")
app.add_typer(contract.app, name="contract")
app.add_typer(keys.app, name="keys")
app.add_typer(grants.app, name="grants")
for _point in entry_points(group="warehouse.commands"):
    app.add_typer(_point.load(), name=_point.name)


def _flow(group: typer.Typer) -> None:
    """Let the help of each command fill the terminal's width: its lines end where the docstring's did otherwise."""
    for command in group.registered_commands:
        paragraphs = inspect.cleandoc(getattr(command.callback, "__doc__", None) or "").split("\n\n")
        command.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            _flow(inner.typer_instance)


_flow(app)


@app.callback()
def _options(version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:
    if version:
        from importlib.metadata import version as installed  # noqa: PLC0415

        print(installed("teaching-record-warehouse"))  # noqa: T201
        raise typer.Exit


def main() -> None:
    """Run the command line and exit with its code."""
    interrupt.install()
    # Names, logs, ports and files in preparation: nothing that this program makes is for other accounts of the machine.
    os.umask(private_files.UMASK)
    speak_any_language()
    sys.exit(_main(sys.argv[1:]))


def _main(arguments: list[str]) -> int:
    asks = arguments[:1] == ["sql"]
    try:
        result: Any = app(arguments, standalone_mode=False)
        if result == Interrupted.exit_code:
            # The library answers Ctrl-C with this code, and without a word.
            raise KeyboardInterrupt
    except WarehouseError as error:
        # A build may say that it failed where it was stopped inside of dbt.
        failure = _stopped(asks=asks) if isinstance(error, BuildFailed) and interrupt.was_requested() else error
    except (KeyboardInterrupt, typer.Abort):
        failure = _stopped(asks=asks)
    except Exception as error:  # noqa: BLE001 - the last resort: a person gets words, never a traceback with values
        # A library's compiled code makes another exception of Ctrl-C's, such as that it could not be imported.
        failure = _stopped(asks=asks) if interrupt.was_requested() else _translated(error)
    else:
        return result if isinstance(result, int) else 0
    if "--json" in arguments:
        print_json(failure.as_dict())
    else:
        print_error(failure)
    return failure.exit_code


def _stopped(*, asks: bool) -> Interrupted:
    """That a person stopped the command.

    Args:
        asks: the command changes nothing.
    """
    return Interrupted(
        "Stopped by Ctrl-C.",
        meaning="Nothing was changed." if asks else "Nothing is half delivered and readers see the last good build.",
        next_command="Run it again." if asks else "Run the same command again: it continues where it stopped.",
    )


def _translated(error: Exception) -> WarehouseError:
    """An exception that no stage expects, as an error. Its own text may hold a row's values, so it is not shown."""
    if os.environ.get("WAREHOUSE_DEBUG"):
        err.document("".join(traceback.format_exception(error)).rstrip())
    click_message = getattr(error, "format_message", None)
    if click_message is not None:
        return UsageError(
            str(click_message()).rstrip("."),
            meaning="Nothing was done.",
            next_command="`warehouse --help` lists the commands, and each command has its own --help.",
        )
    if isinstance(error, psycopg.OperationalError) and not error.sqlstate:
        return DatabaseUnreachable(
            "A database closed its connection while it was being used.",
            meaning="What was being done was not committed; nothing is half delivered.",
            next_command="Run the same command again: embedded databases are restarted, and the work continues.",
        )
    if isinstance(error, psycopg.errors.DataCorrupted | psycopg.errors.IndexCorrupted):
        return PageDamaged(
            f"A database cannot read a page of a table: {safe_message.of(error)}.",
            meaning="Its disk or memory has damaged the table. The command stopped there; nothing is half delivered.",
            next_command="`warehouse replicate reconcile` names the table and the side, and says what to do.",
        )
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return WaitedTooLong(
            "Another session of a database holds a lock that the command needs, and keeps it.",
            meaning="It was given up after WAREHOUSE_WAIT_MINUTES. What was being done was not committed; nothing is "
            "half delivered.",
            next_command="Run it again, and while it waits ask that database who holds it: select pid, "
            "pg_blocking_pids(pid) from pg_stat_activity where wait_event_type = 'Lock'. End that session.",
        )
    place = traceback.extract_tb(error.__traceback__)[-1]
    state = f", SQLSTATE {error.sqlstate}" if isinstance(error, psycopg.Error) and error.sqlstate else ""
    if isinstance(error, OSError) and error.strerror:
        return SettingsError(
            f"The operating system refused: {error.strerror}" + (f" ({error.filename})." if error.filename else "."),
            meaning="The command stopped there; nothing is half delivered.",
            next_command="Make space, or give the user the rights it lacks, then run the same command again.",
        )
    return UnexpectedFailure(
        f"Unexpected error: {type(error).__name__}{state} in {place.name} "
        f"({os.path.basename(place.filename)}:{place.lineno}).",  # noqa: PTH119
        meaning="The command stopped there. Nothing is half delivered and readers see the last good build.",
        next_command="Run it again with WAREHOUSE_DEBUG=1 for the trace (it may show personal data), and report it.",
    )


if __name__ == "__main__":
    main()
