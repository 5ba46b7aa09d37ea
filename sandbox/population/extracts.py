"""The monthly pension files at item level: what came in as text, what was wrong with it, and what was made of it."""

from typing import Final

import numpy as np
import polars as pl

from sandbox.domain.codes import Gender, Item
from sandbox.domain.numbers import PREFIX
from sandbox.domain.pensions import BAD_NINO, TYPES, faults
from sandbox.population.arrays import DAY, Days, Ints, Mask
from sandbox.population.draw import at_work, chance, uuids, weighted
from sandbox.population.employments import Posts, extract_days, key_of
from sandbox.population.people import People
from sandbox.population.series import digits, text, where
from sandbox.population.world import World

KEPT_EXTRACTS: Final = 2
"""How many of the newest extracts are kept at item level; employments hold what all of them said."""


def extract_files(world: World) -> pl.DataFrame:
    """Rows of `tps_csv_extracts`: two files for each kept extract. `extract_date` and `part` are for the items."""
    rng = world.stream("extract files")
    days = np.repeat(extract_days(world.today)[-KEPT_EXTRACTS:], 2)
    part = np.tile([1, 2], len(days) // 2)
    stamp = pl.Series(days).dt.strftime("%Y%m%d")
    return pl.DataFrame(
        {
            "tps_csv_extract_id": uuids(rng, len(days)),
            "filename": [f"Workforce-Dataset-{p}-{s}-1329.csv" for p, s in zip(part, stamp, strict=True)],
            "created_on": at_work(rng, days + DAY),
            "extract_date": days,
            "part": part,
        }
    )


def extract_items(
    world: World, chunk: int, people: People, posts: Posts, files: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Load items (text, with error bits) and typed items (with results) of the kept extracts for one chunk.

    Every post that an extract has seen gives one row of it. Beyond those come rows of people without a record here,
    of unknown establishments, and rows with faults, which get no typed item.
    """
    loads, items = [], []
    for number, date in enumerate(np.unique(files["extract_date"].to_numpy())):
        rng = world.stream(f"extract {date}", chunk)
        typed = _typed(rng, people, posts, date)
        ids = files.filter(pl.col("extract_date") == pl.lit(date).cast(pl.Date)).sort("part")["tps_csv_extract_id"]
        count = len(typed)
        part = pl.Series((np.arange(count) + number) % 2)
        loaded = at_work(rng, np.full(count, date + DAY))
        typed = typed.with_columns(
            tps_csv_extract_id=ids.gather(part),
            tps_csv_extract_load_item_id=uuids(rng, count),
            created=pl.Series(loaded),
        )
        fault = chance(rng, count, 0.011)
        if chunk == 0 and number == 0:
            fault[: len(faults())] = True
        load = _as_text(typed)
        loads.append(_with_faults(rng, load, fault, chunk == 0 and number == 0))
        good = typed.filter(pl.Series(~fault))
        items.append(
            good.with_columns(
                tps_csv_extract_item_id=uuids(rng, len(good)), created=pl.col("created").dt.offset_by("1m")
            )
        )
    return pl.concat(loads), pl.concat(items).drop("text_type")


def _typed(rng: np.random.Generator, people: People, posts: Posts, date: np.datetime64) -> pl.DataFrame:
    seen = np.flatnonzero((posts.first_seen <= date) & (posts.last_seen >= date))
    end, withdrawn = posts.file_end(date), posts.file_withdrawn(date)
    result = np.where(posts.first_seen[seen] == date, Item.ADDED, Item.UPDATED)
    # A row that an earlier row of the same file already said changes nothing.
    again = seen[chance(rng, len(seen), 0.002)]
    stranger = seen[chance(rng, len(seen), 0.06)]
    elsewhere = seen[chance(rng, len(seen), 0.008)]
    take = np.concatenate([seen, again, stranger, elsewhere])
    result = np.concatenate(
        [
            result,
            np.full(len(again), Item.NO_CHANGE),
            np.full(len(stranger), Item.UNKNOWN_TRN),
            np.full(len(elsewhere), Item.UNKNOWN_ESTABLISHMENT),
        ]
    )
    # TRNs from 9,000,000 on are in no range: nobody here has one.
    unknown = digits(9_000_000 + rng.integers(0, 999_999, len(take)), 7)
    return _columns(rng, people, posts, take, result, unknown, end, withdrawn, date)


def _columns(
    rng: np.random.Generator,
    people: People,
    posts: Posts,
    take: Ints,
    result: Ints,
    unknown: pl.Series,
    end: Days,
    withdrawn: Mask,
    date: np.datetime64,
) -> pl.DataFrame:
    count, row = len(take), posts.row[take]
    stranger, elsewhere = result == Item.UNKNOWN_TRN, result == Item.UNKNOWN_ESTABLISHMENT
    born = np.where(np.isnat(people.born[row]), posts.start[take] - 9000 * DAY, people.born[row])
    born = np.where(stranger, born - rng.integers(30, 3000, count) * DAY, born)
    strange_nino = text(PREFIX, unknown.str.slice(1), "F")
    return pl.DataFrame(
        {
            "trn": where(stranger, unknown, people.trn.gather(row)),
            "national_insurance_number": where(stranger, strange_nino, posts.nino.gather(take)),
            "date_of_birth": born.astype("datetime64[D]"),
            "date_of_death": pl.Series([None] * count, dtype=pl.Date),
            "gender": np.where(people.gender[row] == Gender.MALE, "Male", "Female"),
            "member_postcode": posts.postcode.gather(take),
            "member_email_address": where(~stranger, posts.email.gather(take)),
            "local_authority_code": where(elsewhere, "999", posts.la_code.gather(take)),
            "establishment_number": where(elsewhere, "9999", posts.number.gather(take)),
            "establishment_postcode": posts.employer_postcode.gather(take),
            "establishment_email_address": posts.employer_email.gather(take),
            "member_id": rng.integers(10_000, 9_999_999, count),
            "employment_start_date": posts.start[take],
            "employment_end_date": end[take],
            "employment_type": posts.kind[take],
            "withdrawal_indicator": where(withdrawn[take], "W"),
            "extract_date": np.full(count, date),
            "result": result,
            "text_type": pl.Series(TYPES).gather(posts.kind[take]),
        }
    ).with_columns(key=key_of("trn", "local_authority_code", "establishment_number", "employment_start_date"))


def _as_text(typed: pl.DataFrame) -> pl.DataFrame:
    """The rows as a file has them; the columns of both tables have the same names, but for the type of employment."""
    days = [name for name, kind in typed.schema.items() if kind == pl.Date]
    return typed.drop("result", "key", "employment_type").with_columns(
        pl.col(days).dt.strftime("%d/%m/%Y"),
        pl.col("member_id").cast(pl.String),
        full_or_part_time_indicator="text_type",
    )


def _with_faults(rng: np.random.Generator, load: pl.DataFrame, fault: Mask, every_kind: bool) -> pl.DataFrame:
    """The text rows with a fault put into the marked ones and its bit into `errors`; a few have two."""
    count, known = len(load), faults()
    first = np.where(fault, weighted(rng, count, [float(one.share) for one in known]), -1)
    if every_kind:
        places = np.flatnonzero(fault)[: len(known)]
        first[places] = np.arange(len(places))
    second = fault & chance(rng, count, 0.05)
    errors = np.append([one.bit for one in known], 0)[first] | np.where(second, BAD_NINO, 0)
    broken = {
        one.field: pl.when(pl.Series((errors & one.bit) != 0))
        .then(pl.lit(one.text, dtype=pl.String))
        .otherwise(pl.col(one.field))
        for one in known
    }
    return load.with_columns(**broken).with_columns(errors=pl.Series(errors))
