"""`warehouse erase`: one person is removed from everywhere."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from warehouse.cli.opening import at_warehouse
from warehouse.cli.output import JsonOption, TerminalProgress, out, print_json, print_table
from warehouse.core.errors import UsageError
from warehouse.core.settings import near
from warehouse.erase import Erasure, Subject, Survey, survey
from warehouse.erase.subject import check_reference
from warehouse.jobs.erasing import erase_everywhere


def erase_person(
    person_id: Annotated[str | None, typer.Option("--person-id", help="The person's id, a UUID.")] = None,
    trn: Annotated[str | None, typer.Option("--trn", help="Or their TRN, 7 digits.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show where the person is, and change nothing.")] = False,
    because: Annotated[
        str | None,
        typer.Option("--because", help="The request's reference. Kept for good: no name, TRN or id in it."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Confirm: erased data cannot be recovered.")] = False,
    json: bool = JsonOption,
) -> None:
    """Remove one person from replica, history, landed tables, marts and stored deliveries.

    Exit code 43: the person cannot be erased now.
    """
    subject, reference = Subject.given(person_id, trn), check_reference(because)
    if not dry_run and not yes:
        raise UsageError(
            "This removes a person for good, including from the history.",
            meaning="Nothing was done.",
            next_command="Look at the result of --dry-run first, then use --yes.",
        )
    progress = TerminalProgress(quiet=json)
    with at_warehouse() as (databases, warehouse):
        if dry_run:
            with progress.stage("erase (dry run)"):
                found = survey(databases, subject, progress)
            _tell_survey(found, json)
            return
        with progress.stage("erase"):
            done = erase_everywhere(databases, warehouse, subject, reference, progress)
    _tell(done, json)


def _tell_survey(found: Survey, json: bool) -> None:
    if json:
        print_json(asdict(found))
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
    if not rows and not found.deliveries:
        out.print("Neither the warehouse nor the operational database has data of this person.")
    _tell_unread(found.unread)
    if found.refusal:
        out.print(f"The person could not be erased now: {found.refusal}")
    out.print("Nothing was changed.")


def _tell_unread(places: list[str]) -> None:
    for place in places:
        out.print(f"Not looked into: {place}. This user may not read it: ask its owner.")


def _tell(done: Erasure, json: bool) -> None:
    if json:
        print_json(asdict(done) | {"left_there": done.left_there})
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
    theirs = [held for held in done.deliveries if held["held"] == "by the recipient"]
    for held in theirs:
        sure = "held" if held["found"] == "read" else "by its dates held"
        out.print(f"Inform {held['delivery'].split('/')[0]}: {held['destination']}/{held['file']} {sure} the person.")
    for place in done.left_there:
        out.print(f"Still there: {place}. It is not built by dbt: ask its owner to remove the person.")
    _tell_unread(done.unread)
    for number in done.unfinished:
        out.print(f"Erasure {number}, of another person, was interrupted: run its command again.")
