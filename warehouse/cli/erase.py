"""`warehouse erase`: one person is removed from everywhere."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from warehouse.cli.identifiers import (
    PersonFileOption,
    PersonOption,
    Refused,
    TrnFileOption,
    TrnOption,
    asked,
    identifiers,
)
from warehouse.cli.not_looked_into import show_not_looked_into
from warehouse.cli.opening import at_warehouse
from warehouse.cli.output import JsonOption, TerminalProgress, out, print_json, print_table
from warehouse.core.errors import UsageError
from warehouse.core.settings import near
from warehouse.erase import Check, Decided, Erasure, Subject, Survey, accept
from warehouse.erase.deliveries import BY_DATES
from warehouse.erase.reference import check_form
from warehouse.jobs.erasing import check_everywhere, erase_everywhere, look_everywhere


def erase_person(
    refused: Refused = None,
    trn: TrnOption = None,
    trn_file: TrnFileOption = None,
    person_id: PersonOption = None,
    person_id_file: PersonFileOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show where the person is, and change nothing.")] = False,
    because: Annotated[
        str | None,
        typer.Option("--because", help="The request's reference. Kept for good: nothing of the person in it."),
    ] = None,
    also: Annotated[
        list[str] | None,
        typer.Option("--also", metavar="TABLE/KEY", help="A row listed as a candidate is about the person, too."),
    ] = None,
    not_theirs: Annotated[
        list[str] | None,
        typer.Option("--not-theirs", metavar="TABLE/KEY", help="A row listed as a candidate is not about the person."),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Is anybody who was erased there again? With a file of persons: are any of them?"),
    ] = False,
    returned: Annotated[
        int | None,
        typer.Option("--returned", metavar="ERASURE", help="Accept that its person has come back in their own right."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Confirm: erased data cannot be recovered.")] = False,
    json: bool = JsonOption,
) -> None:
    """Remove one person from replica, history, landed tables, marts and stored deliveries.

    It asks for the TRN or the id, or reads it; neither may stand on the command line. Exit code 43: the person cannot
    be erased now; 72: a person who was erased is there again.
    """
    given, reference = identifiers(trn, trn_file, person_id, person_id_file, refused), check_form(because)
    if returned is not None:
        _accept(returned, reference)
        return
    if check:
        _check(given, json)
        return
    if not dry_run and not yes:
        raise UsageError(
            "This removes a person for good, including from the history.",
            meaning="Nothing was done.",
            next_command="Look at the result of --dry-run first, then use --yes.",
        )
    if len(given) > 1:
        raise UsageError(
            f"{len(given)} persons were given; one at a time is erased.",
            meaning="Nothing was looked for and nothing erased.",
            next_command="Give the first of them alone. --check takes many.",
        )
    decided = Decided(frozenset(map(str.lower, also or [])), frozenset(map(str.lower, not_theirs or [])))
    subject = Subject.read(given[0] if given else asked(), decided)
    progress = TerminalProgress(quiet=json)
    with at_warehouse() as (databases, warehouse):
        if dry_run:
            with progress.stage("erase (dry run)"):
                found = look_everywhere(databases, warehouse, subject, progress)
            _tell_survey(found, json)
            return
        with progress.stage("erase"):
            done = erase_everywhere(databases, warehouse, subject, reference, progress)
    _tell(done, json)


def _check(listed: list[str], json: bool) -> None:
    progress = TerminalProgress(quiet=json)
    with at_warehouse() as (databases, warehouse), progress.stage("erase --check"):
        found: Check = check_everywhere(databases, warehouse, listed, progress)
    if json:
        print_json(asdict(found))
    else:
        out.print(
            f"{found.values:,} identifiers of the warehouse and of {found.files:,} files that are kept were compared "
            f"with the register of {found.registered} erasures"
            + (f" and with a list of {found.asked} persons." if listed else ".")
        )
        show_not_looked_into(found.unread)
    if error := found.error():
        if json:
            raise typer.Exit(error.exit_code)
        raise error


def _accept(erasure_id: int, reference: str | None) -> None:
    if not reference:
        raise UsageError(
            "It was not said why the person is there again.",
            meaning="Nothing was changed.",
            next_command='Run it again with --because "SAR 13/2026".',
        )
    with at_warehouse() as (_, warehouse):
        accept(warehouse, erasure_id, reference)
    out.print(f"The register has forgotten the person of erasure {erasure_id}.")


def _tell_survey(found: Survey, json: bool) -> None:
    if json:
        print_json(asdict(found) | {"not_recreated": found.not_recreated})
        return
    rows = [("the operational database", table, count, 0) for table, count in found.at_source.items()]
    rows += [(place.kind, near(place.place), place.theirs, place.shared) for place in found.places]
    if rows:
        print_table(None, ["kind", "where", "to be erased", "about others, to be emptied"], rows)
    for held in found.deliveries:
        what = (
            "would be rewritten" if held.held == "here" else "is held by the recipient: ask them to remove the person"
        )
        out.print(f"{held.delivery_id}  {held.name.rsplit('/', maxsplit=1)[-1]} {what}")
    if found.not_recreated:
        out.print(f"Could then no longer be made again as they were sent: {', '.join(found.not_recreated)}.")
    if not rows and not found.deliveries:
        out.print("Neither the warehouse nor the operational database has data of this person.")
    _tell_the_rest(found)
    if found.refusal:
        out.print(f"The person could not be erased now: {found.refusal}")
    out.print("Nothing was changed.")


def _tell_the_rest(found: Survey | Erasure) -> None:
    """What could not be looked into, what a person has to decide, and what the servers keep."""
    for place in found.unread:
        out.print(f"Not looked into: {place}. This user may not read it: ask its owner.")
    if found.candidates:
        print_table(
            None,
            ["perhaps about the person", "where", "because of"],
            [(one.row, one.place, one.because) for one in found.candidates],
        )
        out.print("Look at each. It goes, too: --also TABLE/KEY. It is something else: --not-theirs TABLE/KEY.")
    for note in found.notes:
        out.print(note)


def _tell(done: Erasure, json: bool) -> None:
    if json:
        print_json(asdict(done) | {"left_there": done.left_there, "not_recreated": done.not_recreated})
        return
    for number in done.finished_before:
        out.print(f"Erasure {number}, which had been interrupted, is finished.")
    if done.erasure_id is None:
        if not done.finished_before:
            out.print("The warehouse has no data of this person: it never had, or they were erased before.")
    else:
        print_table(
            None,
            ["kind", "where", "erased", "about others, emptied"],
            [(place["kind"], near(place["place"]), place["erased"], place["emptied"]) for place in done.places],
        )
        out.print(f"Erasure {done.erasure_id} is finished.")
    if done.not_recreated:
        out.print(f"Can no longer be made again as they were sent: {', '.join(done.not_recreated)}.")
    theirs = [held for held in done.deliveries if held["held"] == "by the recipient"]
    for held in theirs:
        sure = "by its dates held" if held["found"] == BY_DATES else "held"
        out.print(f"Inform {held['delivery'].split('/')[0]}: {held['destination']}/{held['file']} {sure} the person.")
    for place in done.left_there:
        out.print(f"Still there: {place}. It is not built by dbt: ask its owner to remove the person.")
    _tell_the_rest(done)
    for number in done.unfinished:
        out.print(f"Erasure {number}, of another person, was interrupted: run its command again.")
