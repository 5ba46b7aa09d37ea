"""`warehouse keys …`: the keys for pseudonyms; a key itself is never shown."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from warehouse.cli.opening import at_warehouse
from warehouse.cli.output import JsonOption, out, print_json, print_table
from warehouse.core import keys
from warehouse.core.errors import KeyUnusable, UsageError
from warehouse.core.settings import load, near

app = typer.Typer(help="The keys for pseudonyms: which there are, and new ones.", no_args_is_help=True)

_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}(\.[a-z][a-z0-9_]{0,49})?\Z")


@app.command("list")
def list_keys(json: bool = JsonOption) -> None:
    """List every key that was used, with its fingerprint, and whether it is there and the same. No key is shown."""
    with at_warehouse() as (databases, warehouse):
        listed = [
            _state(databases.settings, name, version, fingerprint, f"{first_used:%Y-%m-%d}")
            for name, version, fingerprint, first_used in keys.all_recorded(warehouse)
        ]
    if json:
        print_json(listed)
    elif not listed:
        out.print("No key has been used yet.")
    else:
        print_table(None, list(listed[0]), [tuple(one.values()) for one in listed])


def _state(settings: Any, name: str, version: int, fingerprint: str, first_used: str) -> dict[str, Any]:
    try:
        key = keys.find(settings, name, version)
    except KeyUnusable as error:
        state = error.what
    else:
        state = "missing" if key is None else "there" if key.fingerprint == fingerprint else "another than before"
    return {"key": name, "version": version, "first used": first_used, "fingerprint": fingerprint, "state": state}


@app.command("make")
def make_key(
    name: Annotated[str, typer.Argument(help="The recipient and the purpose, such as dandi.statistics.")],
    version: Annotated[int, typer.Option("--version", min=1, help="One more than the last, to change a key.")] = 1,
    json: bool = JsonOption,
) -> None:
    """Make a random key in a file that only you can read. Keep a copy where you keep your secrets.

    A key that is there already is left as it is. Which version an extract uses is in its contract.
    """
    settings = load()
    if not _NAME.match(name):
        raise UsageError(
            f"`{name}` is not the name of a key.",
            meaning="Nothing was made.",
            next_command="Give the recipient and the purpose, such as `warehouse keys make dandi.statistics`.",
        )
    with at_warehouse() as (_, warehouse):
        # A key that was used and lost must come back: another one would change every pseudonym.
        there = keys.find(settings, name, version) is not None
        key = keys.use(warehouse, settings, name, version, make=True)
    path = near(keys.file_of(settings, name, version))
    if json:
        print_json({"key": name, "version": version, "where": key.where, "made": not there})
    elif there:
        out.print(f"The key {name}, version {version}, is there already: {key.where}.")
    else:
        out.print(f"Made {path}. Keep a copy of it where you keep your secrets.")
