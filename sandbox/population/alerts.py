"""Alerts: sanctions, restrictions and flags on people's records."""

import numpy as np
import polars as pl

from sandbox.domain import dates
from sandbox.domain.defects import share_of
from sandbox.domain.tables import weights, words
from sandbox.population.arrays import DAY, NO_DAY, NO_MOMENT, Ints, Mask, day
from sandbox.population.draw import at_work, between, chance, one_of, uuids, weighted
from sandbox.population.people import People
from sandbox.population.series import numerals, text, where
from sandbox.population.world import World
from sandbox.schema import seed_rows


def draw_alerts(world: World, chunk: int, people: People) -> pl.DataFrame:
    """Alerts of about 1.2 in 100 people, some of whom have several. The first chunk holds every type at least once.

    Besides the columns of `alerts` the frame has `row`, the position of the person in the chunk, and `migrated`.
    """
    rng = world.stream("alerts", chunk)
    types = seed_rows("alert_types")
    # The thirty days after the award or entry, in which no alert begins, must be over.
    row = np.flatnonzero((people.due < world.now - 32 * DAY) & chance(rng, len(people), 0.012))
    row = np.sort(np.concatenate([row, row[chance(rng, len(row), 0.18)]]))
    count = len(row)
    earliest = np.maximum(people.due[row] + 30 * DAY, day("1985-01-01"))
    start = between(rng, earliest, world.now - DAY, count)
    migrated = start < day(dates.ALERTS_MOVED)
    in_use = np.array([t["is_active"] == "true" for t in types])
    # Every type that the list does not name has weight 1.
    commoner = weights("alert_type")
    weight = np.array([float(commoner.get(t["dqt_sanction_code"], 1)) for t in types])
    kind = np.where(migrated, weighted(rng, count, weight), weighted(rng, count, np.where(in_use, weight, 0)))
    if chunk == 0:
        old = np.flatnonzero(migrated)[: len(types)]
        kind[old] = np.arange(len(old))
    start, end = _days(rng, world, start, migrated, count)
    closed = ~np.isnat(end)
    created = at_work(rng, np.maximum(np.where(np.isnat(start), day("2013-05-01"), start), day(dates.DQT_LOADED)))
    created = np.maximum(created, people.created[row])
    changed = np.where(closed & (end < world.now), end, created.astype("datetime64[D]"))
    changed = np.where(migrated, np.maximum(changed, day(dates.ALERTS_MOVED)), changed)
    deleted = chance(rng, count, 0.03)
    removed = between(rng, np.maximum(changed, day(dates.ALERTS_MOVED)), world.now - DAY, count)
    updated = np.maximum(at_work(rng, np.where(deleted, removed, changed).astype("datetime64[D]")), created)
    updated = np.minimum(updated, world.moment - np.timedelta64(1, "h"))
    link = text("https://www.example.org/decisions/", numerals(rng.integers(1000, 99999, count)))
    return pl.DataFrame(
        {
            "row": row,
            "migrated": migrated,
            "dqt_sanction_code": pl.Series([t["dqt_sanction_code"] for t in types]).gather(kind),
            "alert_id": uuids(rng, count),
            "alert_type_id": pl.Series([t["alert_type_id"] for t in types]).gather(kind),
            "person_id": people.person_id.gather(row),
            "details": where(chance(rng, count, 0.8), one_of(rng, count, words("alert_details"))),
            "external_link": where(chance(rng, count, 0.25), link),
            "start_date": start,
            "end_date": end,
            "created_on": created,
            "updated_on": updated,
            "deleted_on": np.where(deleted, updated, NO_MOMENT),
        }
    )


def _days(
    rng: np.random.Generator, world: World, start: np.ndarray, migrated: Mask, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Start and end days, with the declared faults of migrated alerts."""
    closed = chance(rng, count, np.where(migrated, 0.45, 0.2)) & (start < world.now - 2 * DAY)
    end = between(rng, start + DAY, world.now - DAY, count)
    # Rarely the last day ever was typed for an order without limit: such an alert counts as closed all the same.
    forever = closed & migrated & chance(rng, count, 0.01)
    end = np.where(closed, np.where(forever, day("9999-12-31"), end), NO_DAY)
    swapped = closed & migrated & ~forever & _at_least_one(rng, closed & migrated & ~forever, "alert_end_before_start")
    end = np.where(swapped, start - rng.integers(1, 300, count) * DAY, end)
    early = migrated & ~swapped & _at_least_one(rng, migrated & ~swapped, "alert_start_before_1753")
    start = np.where(early, start - 100_000 * DAY, start)
    missing = migrated & ~swapped & ~early & _at_least_one(rng, migrated & ~swapped & ~early, "alert_start_missing")
    return np.where(missing, NO_DAY, start).astype("datetime64[D]"), end.astype("datetime64[D]")


def _at_least_one(rng: np.random.Generator, possible: Mask, defect: str) -> Mask:
    """Rows with the fault: its share of the possible ones, but one of them even in a small world."""
    hit: Mask = possible & chance(rng, len(possible), share_of(defect))
    places: Ints = np.flatnonzero(possible)
    if len(places) and not hit.any():
        hit[places[len(places) // 2]] = True
    return hit
