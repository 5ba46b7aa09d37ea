"""Names that people had before: mostly by marriage, sometimes by deed poll."""

import numpy as np
import polars as pl

from sandbox.domain.codes import Gender
from sandbox.population import names
from sandbox.population.arrays import DAY, NO_MOMENT, Mask, day
from sandbox.population.draw import at_work, between, chance, uuids
from sandbox.population.people import People
from sandbox.population.series import pg_array, where
from sandbox.population.world import World


def draw_previous_names(world: World, chunk: int, people: People, merged: Mask) -> pl.DataFrame:
    """Earlier names of about one in eight, most of them women's; a few rows are deleted. Sorted by person and time.

    The person's present name is the new one. Besides the columns of `previous_names` the frame has `row`.
    """
    rng = world.stream("previous names", chunk)
    count = len(people)
    age = np.where(np.isnat(people.born), 50, (world.now - people.born).astype(np.float64) / 365.25)
    share = np.where(people.gender == Gender.FEMALE, np.clip((age - 22) / 130, 0.01, 0.3), 0.012)
    row = np.flatnonzero(chance(rng, count, share) & (people.created < world.now - 30 * DAY) & ~merged)
    row = np.sort(np.concatenate([row, row[chance(rng, len(row), 0.08)]]))
    number = len(row)
    lists = names.name_lists()
    last = names.double_barrelled(rng, people.community[row], names.draw_family(rng, people.community[row]), 0.02)
    # One in 30 changed the first name too.
    given = names.draw_given(rng, people.community[row], people.gender[row], np.full(number, 1975))
    changed_first = chance(rng, number, 0.03)
    first = where(changed_first, lists.given.gather(given)).fill_null(people.first_name.gather(row))
    earliest = np.maximum(people.created[row].astype("datetime64[D]"), day("2011-04-01")) + 3 * DAY
    made = at_work(rng, between(rng, earliest, world.now - 2 * DAY, number))
    made = np.maximum(made, people.created[row] + np.timedelta64(1, "h"))
    deleted = chance(rng, number, 0.03)
    gone = np.minimum(made + np.timedelta64(36, "h"), world.moment - np.timedelta64(1, "h"))
    from_dqt = made < np.datetime64("2025-10-06")
    ids = uuids(rng, number)
    frame = pl.DataFrame(
        {
            "row": row,
            "previous_name_id": ids,
            "person_id": people.person_id.gather(row),
            "created_on": made,
            "updated_on": np.where(deleted, np.maximum(gone, made), made),
            "deleted_on": np.where(deleted, np.maximum(gone, made), NO_MOMENT),
            "first_name": first,
            "middle_name": people.middle_name.gather(row),
            "last_name": last,
            "dqt_audit_id": where(from_dqt & chance(rng, number, 0.3), uuids(rng, number)),
        }
    )
    legacy = pl.Series(uuids(rng, number))
    return frame.with_columns(
        dqt_previous_name_ids=pl.when(pl.Series(from_dqt)).then(pg_array(pl.concat_list(pl.lit(legacy))))
    ).sort("row", "created_on", "previous_name_id")
