"""Schools, colleges and universities: rows of GIAS shape with names that belong to nobody, and the TPS seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from sandbox.domain import tables
from sandbox.domain.codes import School
from sandbox.domain.tables import words
from sandbox.population.arrays import DAY, NO_DAY, Ints
from sandbox.population.draw import chance, one_of, stream, uuids, weighted
from sandbox.population.people import postcodes
from sandbox.population.series import digits, where
from sandbox.schema import seed_rows

# Numbers that GIAS has not reached: no real school is meant.
_FIRST_URN = 700_000
_FEWEST, _MOST = 400, 25_000
_WORDS = ("saint", "person", "hope", "tree", "welsh")


@dataclass(frozen=True)
class Establishments:
    """The rows to load, and the establishments that workforce data matches: one per LA code and number."""

    gias: pl.DataFrame
    ids: pl.Series
    la_codes: pl.Series
    numbers: pl.Series
    """Null for universities, which are matched by LA code and postcode."""
    postcodes: pl.Series
    weights: np.ndarray
    """How likely it is to employ someone: about its size."""


def make_establishments(seed: int, people: int) -> Establishments:
    """One establishment per ten people, 400 to 25,000 of them, a share closed and some succeeded by an academy."""
    rng = stream(seed, "establishments")
    count = int(np.clip(people // 10, _FEWEST, _MOST))
    types, areas = tables.rows("establishment_types"), tables.rows("local_authorities")
    welsh = np.array([int(a["la_code"]) >= 660 and int(a["la_code"]) < 700 for a in areas])
    weight = np.array([float(a["weight"]) for a in areas])
    kind = weighted(rng, count, [float(t["share"]) for t in types])
    is_welsh = np.array([t["type_code"] == "30" for t in types])[kind]
    area = np.where(is_welsh, weighted(rng, count, weight * welsh), weighted(rng, count, weight * ~welsh))
    number = _numbers(types, kind, area)
    status = np.array([School.OPEN, School.CLOSED, School.CLOSING, School.PROPOSED])[
        weighted(rng, count, (0.85, 0.12, 0.015, 0.015))
    ]
    urn = _FIRST_URN + np.arange(count)
    frame = _rows(rng, types, areas, kind, area, number, status, urn)
    # One in twelve schools with a number became an academy: the old row is closed, the new one keeps the number.
    converted = np.flatnonzero((number >= 0) & (kind <= 4) & chance(rng, count, 0.08))
    academy = next(i for i, t in enumerate(types) if t["type_code"] == "34" and t["phase_code"] == "2")
    frame = frame.with_columns(
        establishment_status_code=pl.when(pl.int_range(pl.len()).is_in(converted.tolist()))
        .then(School.CLOSED)
        .otherwise(pl.col("establishment_status_code"))
    )
    after = _rows(
        rng,
        types,
        areas,
        np.full(len(converted), academy),
        area[converted],
        number[converted],
        np.full(len(converted), School.OPEN),
        _FIRST_URN + count + np.arange(len(converted)),
    )
    after = after.with_columns(postcode=frame["postcode"].gather(converted), street=frame["street"].gather(converted))
    gias = pl.concat([frame, after]).with_columns(
        establishment_status_name=pl.col("establishment_status_code").replace_strict(
            School.NAMES, return_dtype=pl.String
        )
    )
    return _matched(gias)


def _matched(gias: pl.DataFrame) -> Establishments:
    preference = {code: place for place, code in enumerate(School.PREFERENCE)}
    preferred = (
        gias.with_columns(order=pl.col("establishment_status_code").replace_strict(preference, return_dtype=pl.Int64))
        .filter(pl.col("establishment_number").is_not_null() | (pl.col("establishment_type_code") == "29"))
        .sort("order", "urn", descending=[False, True])
        .unique(["la_code", pl.coalesce("establishment_number", "postcode")], keep="first", maintain_order=True)
        .sort("urn")
    )
    closed = pl.col("establishment_status_code").is_in([School.CLOSED, School.PROPOSED])
    matched = preferred.select(
        "establishment_id",
        "la_code",
        "establishment_number",
        "postcode",
        weight=(pl.col("number_of_pupils").cast(pl.Float64).fill_null(30.0) + 20)
        * pl.when(closed).then(0.02).otherwise(1.0),
    )
    taken = set(zip(matched["la_code"], matched["establishment_number"], strict=True))
    tps = [r for r in seed_rows("establishments") if (r["la_code"], r["establishment_number"]) not in taken]
    seeds = pl.DataFrame(
        {
            "establishment_id": [r["establishment_id"] for r in tps],
            "la_code": [r["la_code"] for r in tps],
            "establishment_number": [r["establishment_number"] or None for r in tps],
            "postcode": pl.Series([None] * len(tps), dtype=pl.String),
            "weight": [60.0] * len(tps),
        }
    )
    matched = pl.concat([matched, seeds])
    return Establishments(
        gias,
        matched["establishment_id"],
        matched["la_code"],
        matched["establishment_number"],
        matched["postcode"],
        matched["weight"].to_numpy(),
    )


def _numbers(types: Sequence[dict[str, str]], kind: Ints, area: Ints) -> Ints:
    """Establishment numbers, distinct within an authority as long as a type's range lasts; -1 for none."""
    first = np.array([int(t["number_from"] or -1) for t in types])[kind]
    size = np.array([int(t["number_to"] or 0) - int(t["number_from"] or 0) + 1 for t in types])[kind]
    cell = area * 10_000 + first
    order = np.argsort(cell, kind="stable")
    sorted_cell = cell[order]
    starts = np.flatnonzero(np.diff(sorted_cell, prepend=-1))
    rank = np.zeros(len(kind), np.int64)
    rank[order] = np.arange(len(kind)) - np.repeat(starts, np.diff(np.append(starts, len(kind))))
    return np.where(first < 0, -1, first + (rank * 7) % np.maximum(size, 1))


def _rows(
    rng: np.random.Generator,
    types: Sequence[dict[str, str]],
    areas: Sequence[dict[str, str]],
    kind: Ints,
    area: Ints,
    number: Ints,
    status: Ints,
    urn: Ints,
) -> pl.DataFrame:
    count = len(kind)
    towns = [a["towns"].split("|") for a in areas]

    def text(column: str) -> pl.Series:
        return pl.Series([t[column] or None for t in types]).gather(kind)

    def whole(column: str) -> pl.Series:
        return pl.Series([int(t[column]) if t[column] else None for t in types]).gather(kind)

    picks = rng.integers(0, 1 << 30, (count, 8))
    names, town = [], []
    for i in range(count):
        of = {kind: words(kind)[picks[i, n] % len(words(kind))] for n, kind in enumerate(_WORDS)}
        own = words("stem")[picks[i, 5] % len(words("stem"))] + words("ending")[picks[i, 6] % len(words("ending"))]
        local = towns[area[i]]
        town.append(local[picks[i, 7] % len(local)])
        patterns = types[kind[i]]["names"].split("|")
        names.append(patterns[picks[i, 0] % len(patterns)].format(place=own, **of))
    low = whole("pupils_from").fill_null(0).to_numpy()
    high = whole("pupils_to").fill_null(1).to_numpy()
    has_pupils = (whole("pupils_from").is_not_null().to_numpy()) & (status != School.PROPOSED)
    street = one_of(rng, count, words("street"))
    meals = pl.Series((rng.beta(1.6, 6, count) * 100).round(2))
    return pl.DataFrame(
        {
            "establishment_id": uuids(rng, count),
            "establishment_source_id": np.ones(count, np.int64),
            "urn": urn,
            "la_code": pl.Series([a["la_code"] for a in areas]).gather(area),
            "la_name": pl.Series([a["la_name"] for a in areas]).gather(area),
            "establishment_number": where(number >= 0, digits(np.maximum(number, 0), 4)),
            "establishment_name": names,
            "establishment_type_code": text("type_code"),
            "establishment_type_name": text("type_name"),
            "establishment_type_group_code": whole("group_code"),
            "establishment_type_group_name": text("group_name"),
            "establishment_status_code": status,
            "phase_of_education_code": whole("phase_code"),
            "phase_of_education_name": text("phase_name"),
            "number_of_pupils": where(has_pupils, pl.Series(rng.integers(low, high + 1))),
            "free_school_meals_percentage": where(has_pupils, meals),
            "street": street,
            "locality": where(chance(rng, count, 0.3), one_of(rng, count, words("stem"))),
            "town": town,
            "county": where(chance(rng, count, 0.35), one_of(rng, count, words("county"))),
            "postcode": postcodes(rng, count),
        }
    )


def tps_establishments(seed: int, establishments: Establishments) -> pl.DataFrame:
    """The pension scheme's own list: codes of most schools, of authorities' central staff, and of the TPS seeds."""
    rng = stream(seed, "tps establishments")
    schools = establishments.gias.filter(pl.col("establishment_number").is_not_null()).unique(
        ["la_code", "establishment_number"], keep="last", maintain_order=True
    )
    schools = schools.filter(pl.Series(chance(rng, len(schools), 0.9)))
    closed = schools["establishment_status_code"].to_numpy() == School.CLOSED
    when = np.where(closed, np.datetime64("2009-08-31") + rng.integers(0, 6000, len(closed)) * DAY, NO_DAY)
    listed = schools.select(
        "la_code",
        establishment_code="establishment_number",
        employers_name=pl.col("la_name"),
        school_gias_name=pl.col("establishment_name"),
    ).with_columns(school_closed_date=pl.Series(when).cast(pl.Date))
    areas = tables.rows("local_authorities")
    central = pl.DataFrame(
        {
            "la_code": [a["la_code"] for a in areas],
            "establishment_code": ["0000"] * len(areas),
            "employers_name": [a["la_name"] for a in areas],
        }
    )
    seeds = [r for r in seed_rows("establishments") if r["establishment_number"]]
    own = pl.DataFrame(
        {
            "la_code": [r["la_code"] for r in seeds],
            "establishment_code": [r["establishment_number"] for r in seeds],
            "employers_name": [r["establishment_name"] for r in seeds],
        }
    )
    rows = pl.concat([listed, central, own], how="diagonal")
    return rows.with_columns(tps_establishment_id=uuids(rng, len(rows)))
