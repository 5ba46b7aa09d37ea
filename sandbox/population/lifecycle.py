"""What becomes of records: deaths, deactivations, merges (with chains), and reactivations."""

from dataclasses import dataclass

import numpy as np

from sandbox.domain.codes import PersonStatus
from sandbox.population.arrays import DAY, NO_DAY, NO_MOMENT, Days, Ints, Mask, Moments, day
from sandbox.population.cohorts import NONE
from sandbox.population.draw import at_work, between, chance
from sandbox.population.people import People
from sandbox.population.series import where
from sandbox.population.world import World


@dataclass
class Lifecycle:
    """One entry per person of the chunk."""

    status: Ints
    died: Days
    merged_with: Ints
    """Position of the person that the record was merged with, or -1."""
    changed: Moments
    """When the record was deactivated, or deactivated and reactivated; null for untouched ones."""
    reactivated: Mask

    @property
    def merged(self) -> Mask:
        return self.merged_with >= 0


def draw_lifecycle(world: World, chunk: int, people: People) -> Lifecycle:
    """Decides who died, whose record was closed, and which records turned out to be second ones.

    Second records are made like their retained one: same date of birth and last name, mostly the same number.
    """
    rng = world.stream("lifecycle", chunk)
    count, now = len(people), world.now
    yesterday = now - DAY
    age = np.where(np.isnat(people.born), 50, (now - people.born).astype(np.float64) / 365.25)
    share = np.select([age < 60, age < 70, age < 80, age < 90], [0.003, 0.012, 0.045, 0.15], 0.34)
    dead = chance(rng, count, share) & (people.due < now - 60 * DAY)
    since = np.maximum(people.due + 30 * DAY, day("2006-01-01"))
    died = np.where(dead, between(rng, since, now - 20 * DAY, count), NO_DAY).astype("datetime64[D]")
    known = np.minimum(died + rng.integers(5, 400, count) * DAY, yesterday)
    known = np.maximum(known, people.created.astype("datetime64[D]"))
    closed = ~dead & chance(rng, count, 0.004)
    first = people.created.astype("datetime64[D]")
    closed_on = between(rng, np.maximum(first, day("2015-01-01")), yesterday, count)
    reactivated = ~dead & ~closed & chance(rng, count, 0.001)
    changed_day = np.where(dead, known, np.where(closed | reactivated, closed_on, NO_DAY))
    changed = at_work(rng, changed_day.astype("datetime64[D]"))
    merged_with, merged_at = _merges(rng, world, people, dead | closed | reactivated)
    merged = merged_with >= 0
    return Lifecycle(
        np.where(dead | closed | merged, PersonStatus.DEACTIVATED, PersonStatus.ACTIVE),
        died,
        merged_with,
        np.where(merged, merged_at, changed),
        reactivated,
    )


def _merges(rng: np.random.Generator, world: World, people: People, touched: Mask) -> tuple[Ints, Moments]:
    count = len(people)
    merged_with = np.full(count, -1, np.int64)
    moment = np.full(count, NO_MOMENT)
    second = np.flatnonzero((people.kind == NONE) & ~touched & chance(rng, count, 0.08))
    is_second = np.zeros(count, np.bool_)
    is_second[second] = True
    retained = np.flatnonzero((people.kind != NONE) & ~touched & ~is_second & (people.due < world.now))
    # The last day of the world is left free, so that a chain's merges can follow one another.
    second = second[people.created[second] < world.now - 10 * DAY]
    if not len(retained) or not len(second):
        return merged_with, moment
    # A second record is made after the first, of someone who is grown up by then.
    retained = retained[np.argsort(people.due[retained], kind="stable")]
    older = np.searchsorted(people.due[retained], people.due[second])
    second, older = second[older > 0], older[older > 0]
    if not len(second):
        return merged_with, moment
    target = retained[(rng.random(len(second)) * older).astype(np.int64)]
    first = np.maximum(people.created[second], people.created[target]).astype("datetime64[D]") + 2 * DAY
    moment_of = at_work(rng, between(rng, first, world.now - 2 * DAY, len(second)))
    merged_with[second], moment[second] = target, moment_of
    _become_like(rng, people, second, target)
    # Chains: a second record was merged with another one before that one was merged in turn.
    links = np.flatnonzero(chance(rng, len(second) - 1, 0.12)) if len(second) > 1 else np.zeros(0, np.int64)
    if len(second) > 1 and not len(links):
        links = np.zeros(1, np.int64)
    links = links[np.diff(links, prepend=-2) > 1]
    for link in links:
        earlier, later = second[link], second[link + 1]
        begins = max(people.created[earlier], people.created[later]) + np.timedelta64(1, "h")
        if begins + np.timedelta64(1, "h") < moment[later]:
            merged_with[earlier] = later
            moment[earlier] = begins + (moment[later] - begins) // 2
            _become_like(rng, people, np.array([earlier]), np.array([merged_with[later]]))
    return merged_with, moment


def _become_like(rng: np.random.Generator, people: People, second: Ints, retained: Ints) -> None:
    """Copies the details by which a second record is recognised."""
    count = len(second)
    people.born[second] = people.born[retained]
    people.gender[second] = people.gender[retained]
    people.community[second] = people.community[retained]
    number = where(chance(rng, count, 0.6), people.nino.gather(retained))
    people.nino = people.nino.scatter(second, number)
    people.first_name = people.first_name.scatter(second, people.first_name.gather(retained))
    middle = where(chance(rng, count, 0.5), people.middle_name.gather(retained)).fill_null("")
    people.middle_name = people.middle_name.scatter(second, middle)
    people.last_name = people.last_name.scatter(second, people.last_name.gather(retained))
    people.email = people.email.scatter(second, where(chance(rng, count, 0.3), people.email.gather(retained)))
