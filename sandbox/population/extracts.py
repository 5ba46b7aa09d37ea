"""The monthly pension files at item level: what came in as text, what was wrong with it, and what was made of it."""

from typing import Final

import numpy as np
import polars as pl

from sandbox.domain.numbers import PREFIX
from sandbox.population.employments import Posts, extract_days
from sandbox.population.people import People
from sandbox.population.vector import DAY, Days, Ints, Mask, at_work, chance, digits, one_of, uuids, where
from sandbox.population.world import World

KEPT_EXTRACTS: Final = 2
"""How many of the newest extracts are kept at item level; employments hold what all of them said."""
NO_CHANGE, ADDED, UPDATED, UNKNOWN_TRN, UNKNOWN_ESTABLISHMENT = range(5)
_TYPE_CODES: Final = ("FT", "PTR", "PTI", "PT")

# Error bit -> column and the text that raises it. Only these bits are ever raised.
_FAULTS: Final = {
    1: ("trn", "12345"),
    2: ("national_insurance_number", "BG123456"),
    4: ("date_of_birth", "1975-02-03"),
    8: ("date_of_death", "unknown"),
    32: ("member_email_address", "not an address"),
    64: ("local_authority_code", "9"),
    128: ("establishment_number", "12"),
    1024: ("employment_start_date", "31/02/2024"),
    2048: ("employment_end_date", None),
    4096: ("full_or_part_time_indicator", "XX"),
    8192: ("withdrawal_indicator", "Y"),
    16384: ("extract_date", "today"),
    32768: ("gender", "U"),
    65536: ("establishment_email_address", "office at school"),
}
_FAULT_WEIGHTS: Final = (1, 10, 2, 1, 8, 1, 1, 1, 2, 1, 1, 0.5, 1, 6)


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
            fault[: len(_FAULTS)] = True
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
    result = np.where(posts.first_seen[seen] == date, ADDED, UPDATED)
    # A row that an earlier row of the same file already said changes nothing.
    again = seen[chance(rng, len(seen), 0.002)]
    stranger = seen[chance(rng, len(seen), 0.06)]
    elsewhere = seen[chance(rng, len(seen), 0.008)]
    take = np.concatenate([seen, again, stranger, elsewhere])
    result = np.concatenate(
        [
            result,
            np.full(len(again), NO_CHANGE),
            np.full(len(stranger), UNKNOWN_TRN),
            np.full(len(elsewhere), UNKNOWN_ESTABLISHMENT),
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
    count = len(take)
    row = posts.row[take]
    stranger, elsewhere = result == UNKNOWN_TRN, result == UNKNOWN_ESTABLISHMENT
    born = np.where(np.isnat(people.born[row]), posts.start[take] - 9000 * DAY, people.born[row])
    born = np.where(stranger, born - rng.integers(30, 3000, count) * DAY, born)
    trn = pl.select(
        pl.when(pl.Series(stranger)).then(pl.lit(unknown)).otherwise(pl.lit(people.trn.gather(row)))
    ).to_series()
    la_code = pl.select(
        pl.when(pl.Series(elsewhere)).then(pl.lit("999")).otherwise(pl.lit(posts.la_code.gather(take)))
    ).to_series()
    number = posts.number.gather(take)
    number = pl.select(pl.when(pl.Series(elsewhere)).then(pl.lit("9999")).otherwise(pl.lit(number))).to_series()
    gender = np.where(people.gender[row] == 1, "Male", "Female")
    nino = posts.nino.gather(take)
    strange_nino = pl.select(pl.concat_str(pl.lit(PREFIX), pl.lit(unknown).str.slice(1), pl.lit("F"))).to_series()
    return pl.DataFrame(
        {
            "trn": trn,
            "national_insurance_number": pl.select(
                pl.when(pl.Series(stranger)).then(pl.lit(strange_nino)).otherwise(pl.lit(nino))
            ).to_series(),
            "date_of_birth": born.astype("datetime64[D]"),
            "date_of_death": pl.Series([None] * count, dtype=pl.Date),
            "gender": gender,
            "member_postcode": posts.postcode.gather(take),
            "member_email_address": where(~stranger, posts.email.gather(take)),
            "local_authority_code": la_code,
            "establishment_number": number,
            "establishment_postcode": posts.employer_postcode.gather(take),
            "establishment_email_address": posts.employer_email.gather(take),
            "member_id": rng.integers(10_000, 9_999_999, count),
            "employment_start_date": posts.start[take],
            "employment_end_date": end[take],
            "employment_type": posts.kind[take],
            "withdrawal_indicator": where(withdrawn[take], pl.Series(["W"] * count, dtype=pl.String)),
            "extract_date": np.full(count, date),
            "result": result,
            "text_type": pl.Series(_TYPE_CODES).gather(posts.kind[take]),
        }
    ).with_columns(
        key=pl.concat_str(
            "trn",
            "local_authority_code",
            pl.col("establishment_number").fill_null("NULL"),
            pl.col("employment_start_date").dt.strftime("%Y%m%d"),
            separator=".",
        )
    )


def _as_text(typed: pl.DataFrame) -> pl.DataFrame:
    def date(column: str) -> pl.Expr:
        return pl.col(column).dt.strftime("%d/%m/%Y")

    return typed.select(
        "tps_csv_extract_load_item_id",
        "tps_csv_extract_id",
        "trn",
        "national_insurance_number",
        date("date_of_birth"),
        date("date_of_death"),
        "member_postcode",
        "member_email_address",
        "local_authority_code",
        "establishment_number",
        "establishment_postcode",
        "establishment_email_address",
        pl.col("member_id").cast(pl.String),
        date("employment_start_date"),
        date("employment_end_date"),
        pl.col("text_type").alias("full_or_part_time_indicator"),
        "withdrawal_indicator",
        date("extract_date"),
        "gender",
        "created",
    )


def _with_faults(rng: np.random.Generator, load: pl.DataFrame, fault: Mask, every_kind: bool) -> pl.DataFrame:
    """The text rows with a fault put into the marked ones and its bit into `errors`; a few have two."""
    count = len(load)
    bits = np.array(list(_FAULTS))
    first = np.where(fault, one_of(rng, count, list(_FAULTS), _FAULT_WEIGHTS).to_numpy(), 0)
    if every_kind:
        places = np.flatnonzero(fault)[: len(bits)]
        first[places] = bits[: len(places)]
    second = np.where(fault & chance(rng, count, 0.05), 2, 0)
    errors = first | second
    changes = {
        column: pl.when(pl.Series((errors & bit) != 0)).then(pl.lit(text, dtype=pl.String)).otherwise(pl.col(column))
        for bit, (column, text) in _FAULTS.items()
    }
    return load.with_columns(**changes).with_columns(errors=pl.Series(errors))
