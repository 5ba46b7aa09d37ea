"""`warehouse sandbox …`: the synthetic operational world. The commands join the product's by their entry point."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sandbox.defaults import PEOPLE, SEED
from sandbox.source import SandboxSource, make, world_of
from warehouse.cli.output import JsonOption, TerminalProgress, out, print_json, print_table
from warehouse.core.databases import Databases
from warehouse.core.errors import AlreadyRunning, UsageError
from warehouse.core.settings import load

app = typer.Typer(help="The sandbox: a synthetic operational database in place of the real one.", no_args_is_help=True)


def _embedded() -> Databases:
    """The embedded databases; the sandbox writes to no other server."""
    databases = Databases(load())
    if not databases.source_is_embedded:
        raise UsageError(
            "TRS_DATABASE_URL names an operational database, and the sandbox writes only to its own.",
            meaning="Nothing was written there.",
            next_command="Unset TRS_DATABASE_URL, then run the command again.",
        )
    databases.start()
    return databases


@app.command("create")
def create(
    people: Annotated[int, typer.Option(min=1, help="How many people.")] = PEOPLE,
    seed: Annotated[int, typer.Option(help="The same seed and number of people give the same data.")] = SEED,
    json: bool = JsonOption,
) -> None:
    """Make a synthetic operational database. `warehouse run` does so when it is needed, with 20,000 people."""
    databases = _embedded()
    if world_of(databases.source_conninfo) is not None:
        raise UsageError(
            "The sandbox has data already.",
            meaning="It was not touched.",
            next_command="Use it, or start again: warehouse down && rm -rf .warehouse",
        )
    progress = TerminalProgress(quiet=json)
    with progress.stage("sandbox"):
        made = make(databases.source_conninfo, people, seed, progress)
    if json:
        print_json({"people": people, "seed": seed, "rows": made})
    else:
        out.print(f"Made {sum(made.values()):,} rows in {len(made)} tables for {people:,} people.")


@app.command("advance")
def advance(
    days: Annotated[int, typer.Option(min=1, help="How many days of working life to play.")] = 1,
    json: bool = JsonOption,
) -> None:
    """Play days of working life: new people, awards, name changes, merges, alerts, deletions."""
    databases = _embedded()
    conninfo = databases.source_conninfo
    _world(conninfo)
    progress = TerminalProgress(quiet=json)
    with progress.stage("sandbox"):
        # numpy and its company take half a second, and most commands do without them.
        from sandbox.life import LifeInProgressError  # noqa: PLC0415
        from sandbox.life import advance as play  # noqa: PLC0415

        try:
            happened = play(
                conninfo, days, lambda day, counts: progress.say(f"{day}: {sum(counts.values()):,} happenings")
            )
        except LifeInProgressError:
            raise AlreadyRunning(
                "Another command is playing days in this sandbox.",
                meaning="This command did nothing; the other one continues.",
                next_command="Wait until it has ended, then run the command again.",
            ) from None
    today = SandboxSource().today(conninfo)
    if json:
        print_json({"days": days, "today": today, "happenings": happened})
    else:
        print_table(None, ["what happened", "times"], sorted(happened.items(), key=lambda item: -item[1]))
        out.print()
        out.print(f"It is now {today:%d %B %Y} in the sandbox. `warehouse run` replicates and delivers what is due.")


@app.command("status")
def show(json: bool = JsonOption) -> None:
    """Show the sandbox's seed, number of people and date."""
    world = _world(_embedded().source_conninfo)
    if json:
        print_json(world)
    else:
        out.print(
            f"{world['people']:,} people from seed {world['seed']}, "
            f"since {world['started_on']}; it is now {world['today']}."
        )


def _world(conninfo: str) -> dict[str, Any]:
    world = world_of(conninfo)
    if world is None:
        raise UsageError(
            "The sandbox is empty.",
            meaning="Nothing was done.",
            next_command="Fill it: warehouse sandbox create, or warehouse run",
        )
    return world
