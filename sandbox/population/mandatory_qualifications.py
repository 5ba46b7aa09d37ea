"""Rows of `qualifications` for mandatory qualifications: to teach the deaf, blind and multi-sensory impaired."""

import numpy as np
import polars as pl

from sandbox.domain import dates
from sandbox.population.arrays import DAY, NO_DAY, NO_MOMENT, Days, Mask, day
from sandbox.population.draw import at_work, between, chance, one_of, uuids, weighted
from sandbox.population.people import People
from sandbox.population.series import where
from sandbox.population.world import World
from sandbox.schema import seed_rows


def mandatory_qualifications(world: World, chunk: int, people: People, qts_date: Days) -> pl.DataFrame:
    """Qualifications to teach the deaf, blind and multi-sensory impaired, held or studied for by about one in 70."""
    rng = world.stream("mandatory qualifications", chunk)
    row = np.flatnonzero(~np.isnat(qts_date) & chance(rng, len(people), 0.014))
    row = np.sort(np.concatenate([row, row[chance(rng, len(row), 0.05)]]))
    count = len(row)
    start = qts_date[row] + rng.integers(700, 7000, count) * DAY
    row, start = row[start < world.now], start[start < world.now]
    count = len(row)
    migrated: Mask = np.asarray(start < day(dates.MQS_MOVED))
    end = start + rng.integers(300, 800, count) * DAY
    ended = end < world.now
    # 0 in progress, 1 passed, 2 deferred, 3 extended, 4 failed, 5 withdrawn.
    status = np.where(
        ended,
        np.array([1, 4, 5, 2])[weighted(rng, count, (0.9, 0.03, 0.05, 0.02))],
        np.array([0, 3])[weighted(rng, count, (0.9, 0.1))],
    )
    old = start < day("1990-01-01")
    specialism = np.where(
        old,
        np.array([0, 1, 4, 2, 5])[weighted(rng, count, (3, 3, 1, 2, 2))],
        np.array([2, 5, 3])[weighted(rng, count, (6, 4, 1))],
    )
    providers = pl.DataFrame(seed_rows("mandatory_qualification_providers"))
    unmapped = migrated & chance(rng, count, 0.03)
    created = at_work(rng, np.where(migrated, np.maximum(start, day(dates.DQT_LOADED)), start))
    changed = np.where(migrated, day(dates.MQS_MOVED), start)
    changed = np.where(chance(rng, count, 0.1), between(rng, changed, world.now - DAY, count), changed)
    deleted = chance(rng, count, 0.02)
    removed = between(rng, np.maximum(start, day(dates.MQS_MOVED)), world.now - DAY, count)
    updated = np.maximum(at_work(rng, np.where(deleted, removed, changed).astype("datetime64[D]")), created)
    code = one_of(rng, count, ("959", "150", "957", "964", "956", "140", "960", "955"))
    identifier, provider = uuids(rng, count), rng.integers(0, len(providers), count)
    return pl.DataFrame(
        {
            "row": row,
            "qualification_id": identifier,
            "created_on": created,
            "updated_on": updated,
            "deleted_on": np.where(deleted, updated, NO_MOMENT),
            "qualification_type": np.zeros(count, np.int64),
            "person_id": people.person_id.gather(row),
            "mq_provider_id": where(~unmapped, providers["mandatory_qualification_provider_id"].gather(provider)),
            "mq_provider_name": where(~unmapped, providers["name"].gather(provider)),
            "mq_specialism": where(~(unmapped & chance(rng, count, 0.5)), pl.Series(specialism)),
            "mq_status": status,
            "start_date": start,
            "end_date": np.where(status == 1, end, NO_DAY),
            "dqt_qualification_id": where(migrated, uuids(rng, count)),
            "dqt_mq_establishment_id": where(migrated, uuids(rng, count)),
            "dqt_mq_establishment_value": where(migrated, code),
            "dqt_specialism_id": where(migrated, uuids(rng, count)),
            "dqt_specialism_value": where(migrated, one_of(rng, count, ("Hearing", "Visual", "MSI", "Auditory"))),
        }
    )
