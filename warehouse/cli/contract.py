"""`warehouse contract …`: contracts of extracts, filled from their models and checked. They need no database."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from warehouse.cli.opening import if_it_answers
from warehouse.cli.output import JsonOption, out, print_json
from warehouse.core.contracts import ExtractName, check_ids, load_contract
from warehouse.core.contracts.change_rules import is_of_changes
from warehouse.core.contracts.extract_model import extract_model
from warehouse.core.contracts.new import check_absent, new_contract
from warehouse.core.contracts.place import named
from warehouse.core.contracts.sync import Synced, models_of, sync
from warehouse.core.errors import ContractBehind
from warehouse.core.settings import near
from warehouse.core.terms import load_terms
from warehouse.deliver import csvw
from warehouse.deliver.contract_fit import check_fit
from warehouse.deliver.contract_versions import check_agreed, check_classes

app = typer.Typer(help="The contracts of extracts: write a new one, check them, keep them as their models are.")

NameArgument = typer.Argument(metavar="RECIPIENT/EXTRACT", help="Such as tad/teachers.")
OneOrAll = typer.Argument(metavar="[RECIPIENT/EXTRACT]", help="Such as tad/teachers; without it, every contract.")


@app.command("new")
def new(extract: Annotated[str, NameArgument], json: bool = JsonOption) -> None:
    """Write a contract from the extract's model, with FILL IN where a person has to say something.

    Names, descriptions, types and classes come from the model and the field dictionary. Nothing is delivered before the
    gaps are filled: purpose, agreement, place, keys, rules, schedule. Leave only the columns that the recipient needs.
    """
    name = ExtractName.parse(extract)
    check_absent(name)
    path = new_contract(name, extract_model(name, load_terms()))
    if json:
        print_json({"written": near(path)})
    else:
        out.print(f"Wrote {near(path)}. Fill its gaps (FILL IN), then run `warehouse contract check {extract}`.")


@app.command("check")
def check(extract: Annotated[str | None, OneOrAll] = None, json: bool = JsonOption) -> None:
    """Check that contracts are sound and without a gap, and that they say what was sent under their version.

    Every mistake is named with its place. The last question goes to the warehouse's ledger: where the warehouse does
    not run, the answer says so. Exit code 27: a contract changed without a new version.
    """
    contracts = [load_contract(path) for path in named(extract)]
    check_ids(contracts)
    check_fit(contracts)
    with if_it_answers() as warehouse:
        compared = warehouse is not None and check_agreed(warehouse, contracts)
    if not compared:
        check_classes(contracts)
    if json:
        listed = [
            {
                "contract": near(one.path),
                "version": one.version,
                "status": one.status,
                "agreement": str(one.grounds.agreement),
                "columns": len(one.columns),
                "compared_with_what_was_sent": compared,
            }
            for one in contracts
        ]
        print_json(listed)
        return
    for one in contracts:
        size = f"{len(one.change_files.tables)} tables" if one.change_files else f"{len(one.columns)} columns"
        out.print(f"{near(one.path)} is sound: version {one.version}, {one.status}, {size}.")
    if unsigned := [f"{one.recipient}/{one.name}" for one in contracts if isinstance(one.grounds.agreement, str)]:
        out.print(f"No agreement is signed for {', '.join(unsigned)}: only made-up people are delivered.")
    if not compared:
        out.print("Not compared with what was sent: the warehouse does not run, or has no ledger of deliveries.")


@app.command("csvw")
def csvw_metadata(
    extract: Annotated[str, NameArgument],
    file: Annotated[str, typer.Option("--file", help="The name of the CSV file that it is about.")] = "",
    json: bool = JsonOption,
) -> None:
    """Print what the CSV files of an extract hold as CSV on the Web says it, which is always JSON.

    Save it beside a file as <file>-metadata.json, or give it to the recipient with the contract.
    """
    del json  # there is no other form
    (path,) = named(extract)
    contract = load_contract(path)
    print_json(csvw.metadata(contract, file or f"{contract.name}.csv"))


@app.command("sync")
def synchronise(
    extract: Annotated[str | None, OneOrAll] = None,
    only_check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit with code 37 where a contract would change.")
    ] = False,
    json: bool = JsonOption,
) -> None:
    """Bring descriptions, types and classes in contracts up to date with their models, and show what changed.

    All else stays as it was written, comments included. A column that is new in the model does not leave before a
    person writes `- name: <column>` into the contract; the rest of its entry is filled in then. A class stricter than
    the model's stays, and so does a type that holds every value of the model's.
    """
    dictionary = load_terms()
    done = []
    for path in named(extract):
        if is_of_changes(path):
            if extract and not json:
                out.print(f"{near(path)} is of change files: it names tables, and has no model.")
            continue
        done.append(sync(path, models_of(path, dictionary)))
    behind = [one for one in done if one.changes]
    if not only_check:
        for one in behind:
            one.write()
    if json:
        print_json([_as_json(one, written=not only_check) for one in done])
    else:
        _show(done)
    if only_check and behind:
        error = ContractBehind(
            f"{', '.join(near(one.path) for one in behind)}: not what the models say.",
            meaning="Nothing was changed. A receiver reads another meaning, type or class than the model has.",
            next_command="Run `warehouse contract sync`, and agree what it changes with the recipient.",
        )
        if json:
            raise typer.Exit(error.exit_code)
        raise error


def _show(done: list[Synced]) -> None:
    for one in done:
        if not one.changes:
            out.print(f"{near(one.path)} says what its model says.")
            continue
        out.print(f"{near(one.path)}:")
        for change in one.changes:
            out.print(f"  {change.place}, {change.key}")
            if change.was is not None:
                out.print(f"    - {' '.join(change.was.split())}")
            out.print(f"    + {change.now}")
    for one in done:
        if one.left_behind:
            out.print(f"Only in the model of {near(one.path)}, and not delivered: {', '.join(one.left_behind)}.")


def _as_json(one: Synced, *, written: bool) -> dict[str, Any]:
    return {
        "contract": near(one.path),
        "changes": [{"place": c.place, "key": c.key, "was": c.was, "now": c.now} for c in one.changes],
        "left_out": list(one.left_behind),
        "written": written and bool(one.changes),
    }
