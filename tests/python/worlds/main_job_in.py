"""The main job in a world: run, changes at the source, run again on the same day, and what the guards say of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.python.worlds.belongings import belongings, changed
from tests.python.worlds.world import CHANGES, Outcome, Place, outcome


@dataclass(frozen=True)
class Day:
    """What readers and receivers have after each of two runs of one day, and what the runs said."""

    place: Place
    first_said: dict[str, Any]
    first: Outcome
    second_said: dict[str, Any]
    second: Outcome


def live_through(place: Place, oddities: str) -> Day:
    """Run the main job twice on one day, with changes at the source between.

    Args:
        oddities: what is odd in that world, for the message of a failure.
    """
    first_said = run(place, oddities)
    first = outcome(place)
    place.at_source(CHANGES)
    second_said = run(place, oddities)
    second = outcome(place)
    all_is_well(place, oddities)
    return Day(place, first_said, first, second_said, second)


def run(place: Place, oddities: str) -> dict[str, Any]:
    """A run that has to succeed; what it said."""
    done = place.call("run", "--json")
    assert done.returncode == 0, f"in a world with {oddities}: {done.stdout}{done.stderr}"
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def all_is_well(place: Place, oddities: str) -> None:
    """Whether the replica is the source by content, and the guards see nothing wrong."""
    for command in ("replicate reconcile", "replicate status", "doctor"):
        done = place.call(*command.split(), "--json")
        assert done.returncode == 0, f"{command}, in a world with {oddities}: {done.stdout}{done.stderr}"


def refused(place: Place, oddities: str, exit_code: int, words: tuple[str, ...], *, ledger: bool = False) -> None:
    """A run that has to be refused by name, with nothing changed on either side; and nobody says that all is well.

    Args:
        ledger: whether it may have made its own ledger in the warehouse before.
    """
    before = [belongings(place.source_admin), belongings(place.warehouse_admin)]
    done = place.call("run")
    said = " ".join(done.stderr.split())
    assert done.returncode == exit_code, f"in a world with {oddities}: {done.stdout}{done.stderr}"
    for word in words:
        assert word in said, f"in a world with {oddities}, `{word}` is not said: {said}"
    # What preflight says is among what doctor says.
    assert place.call("doctor").returncode != 0, f"doctor sees nothing in a world with {oddities}"
    after = [belongings(place.source_admin), belongings(place.warehouse_admin)]
    assert after[0] == before[0], f"{oddities}: {changed(before[0], after[0])}"
    touched = [thing for thing in changed(before[1], after[1]) if not (ledger and " ledger." in thing)]
    assert not touched, f"in a world with {oddities}: {touched}"
    # What everybody may do with functions that are made later is set with the ledger.
    of_ledger = ("ledger", "default privileges")
    added = after[1].keys() - before[1].keys()
    new = {name for name in added if not (ledger and any(word in name for word in of_ledger))}
    assert not new, f"made in a world with {oddities}: {new}"
    assert not list(place.home.rglob("datapackage.json"))
