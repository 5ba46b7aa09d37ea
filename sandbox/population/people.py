"""The people themselves: dates of birth, names, numbers, contact details, and how their records came to be."""

import datetime
from dataclasses import dataclass

import numpy as np
import polars as pl

from sandbox.domain import dates
from sandbox.domain.codes import Gender
from sandbox.domain.defects import share_of
from sandbox.domain.numbers import INWARD, OF_ONE_PREFIX, nino, temporary_reference, trn_ranges
from sandbox.domain.tables import words
from sandbox.population import names
from sandbox.population.arrays import DAY, Days, Ints, Mask, Moments, day, years_of
from sandbox.population.cohorts import ASSESSMENT_ONLY, EYPS, EYTS, ITT, NONE, OVERSEAS, QTLS, TRAINING, UK, Cohorts
from sandbox.population.draw import at_work, between, chance, one_of, stream, uuids, weighted
from sandbox.population.series import digits, numerals, text, where


@dataclass
class People:
    """One chunk of people. Arrays hold one entry per person; `row` in other tables is the position in them."""

    start: int
    kind: Ints
    year: Ints
    due: Days
    """Day of the award (planned, where it lies in the future), or of the entry for people without one."""
    awarded: Mask
    born: Days
    gender: Ints
    """1 male, 2 female, 3 other, 4 not available, 0 unknown (null in the table)."""
    community: Ints
    person_id: pl.Series
    trn: pl.Series
    first_name: pl.Series
    middle_name: pl.Series
    last_name: pl.Series
    email: pl.Series
    nino: pl.Series
    postcode: pl.Series
    created: Moments
    migrated: Mask
    """The record was made in DQT."""
    by_tps: Mask

    def __len__(self) -> int:
        return len(self.kind)


def trn_of(number: Ints) -> pl.Series:
    """TRNs as text, for persons by their number; numbers run through the ranges of trn_ranges in order."""
    value = np.zeros(len(number), np.int64)
    left = number.copy()
    taken = np.zeros(len(number), np.bool_)
    for first, size in trn_ranges():
        here = ~taken & (left < size)
        value[here] = first + left[here]
        taken |= here
        left = np.where(taken, left, left - size)
    return digits(value, 7)


def draw_people(seed: int, chunk: int, cohorts: Cohorts, start: int, stop: int, today: datetime.date) -> People:
    """Persons start..stop-1 of the cohorts as they are before any later change to their record."""
    rng = stream(seed, "people", chunk)
    count = stop - start
    kind, year = cohorts.kind_and_year(start, stop)
    now = day(today)
    due = _due_days(rng, kind, year, now)
    awarded = (due < now) & ~np.isin(kind, (TRAINING, NONE))
    born = due - _ages(rng, kind)
    born_year = years_of(born)
    gender = weighted(rng, count, (0.012, 0.255, 0.728, 0.0015, 0.0035))
    abroad = (kind == OVERSEAS) & chance(rng, count, 0.96)
    community = names.draw_communities(stream(seed, "communities", chunk), born_year, abroad.astype(np.int64))
    first_name, middle_name, last_name, local_part = _names(seed, chunk, community, gender, born_year)
    created = _created(rng, kind, due, now)
    migrated = created.astype("datetime64[D]") < day(dates.PEOPLE_MOVED)
    by_tps = (kind == NONE) & chance(rng, count, 0.45)
    has_email = chance(rng, count, np.where(created < np.datetime64("2012-01-01"), 0.55, 0.94))
    number = numerals(rng.integers(1, 9999, count))
    email = text(local_part, number, "@", one_of(rng, count, words("email_domain"), (6, 3, 1)))
    born = np.where(chance(rng, count, share_of("date_of_birth_missing")) & migrated, np.datetime64("NaT"), born)
    return People(
        start=start,
        kind=kind,
        year=year,
        due=due,
        awarded=awarded,
        born=born,
        gender=gender,
        community=community,
        person_id=uuids(rng, count),
        trn=trn_of(np.arange(start, stop)),
        first_name=first_name,
        middle_name=middle_name,
        last_name=last_name,
        email=where(has_email, email),
        nino=_ninos(rng, start, count, kind, migrated),
        postcode=postcodes(rng, count),
        created=created,
        migrated=migrated,
        by_tps=by_tps,
    )


def postcodes(rng: np.random.Generator, count: int) -> pl.Series:
    """Postcodes of real areas that can belong to nobody: see INWARD."""
    area = one_of(rng, count, words("postcode_area"))
    inward = one_of(rng, count, [a + b for a in INWARD for b in INWARD])
    return text(area, numerals(rng.integers(1, 30, count)), " ", numerals(rng.integers(0, 10, count)), inward)


def _due_days(rng: np.random.Generator, kind: Ints, year: Ints, now: np.datetime64) -> Days:
    """ITT ends with the school year: most awards fall between mid-June and September. The rest spread over the year."""
    count = len(kind)
    first = (year - 1970).astype("datetime64[Y]").astype("datetime64[M]") + np.timedelta64(3, "M")
    first_day = first.astype("datetime64[D]")
    # Offsets from 1 April: 15-30 June, July, August, September; then the whole year.
    block = weighted(rng, count, (0.22, 0.30, 0.20, 0.08, 0.20))
    low = np.array([75, 91, 122, 153, 0])[block]
    high = np.array([90, 121, 152, 182, 364])[block]
    seasonal = np.isin(kind, (ITT, EYTS, EYPS, TRAINING))
    offset = np.where(seasonal, rng.integers(low, high + 1), rng.integers(0, 365, count))
    due = first_day + offset.astype("timedelta64[D]")
    # People without an award entered the record on their day: it cannot lie ahead.
    entered = np.isin(kind, (NONE,))
    late = entered & (due >= now)
    due = np.where(late, between(rng, first_day, now - DAY, count), due)
    # QTLS counts from April 2012 on.
    return np.where(kind == QTLS, np.maximum(due, day(dates.QTLS_BEGAN)), due).astype("datetime64[D]")


def _ages(rng: np.random.Generator, kind: Ints) -> np.ndarray:
    """Age at award or entry, in days."""
    count = len(kind)
    base = np.array([21.3, 27.0, 22.5, 25.0, 27.0, 22.0, 24.0, 26.0, 21.0, 20.5])[kind]
    scale = np.array([4.2, 6.0, 4.0, 6.5, 7.5, 6.0, 6.5, 6.0, 5.0, 9.0])[kind]
    years = np.minimum(base + rng.gamma(1.15, scale, count), 63.0 + rng.random(count) * 3)
    return (years * 365.25).astype("timedelta64[D]")


def _names(seed: int, chunk: int, community: Ints, gender: Ints, born: Ints) -> tuple[pl.Series, ...]:
    rng = stream(seed, "names", chunk)
    lists = names.name_lists()
    count = len(community)
    given = names.draw_given(rng, community, gender, born)
    middle = names.draw_given(rng, community, gender, born)
    family = names.draw_family(rng, community)
    sikh = community == lists.communities.index("punjabi")
    middle_text = where(chance(rng, count, 0.62) & (middle != given), lists.given.gather(middle)).fill_null("")
    kaur_singh = pl.Series(np.where(gender == Gender.MALE, "Singh", "Kaur"))
    last_name = names.double_barrelled(rng, community, family, 0.025)
    takes_religious_name = sikh & chance(rng, count, 0.6) & ~last_name.is_in(["Singh", "Kaur"]).to_numpy()
    # A few people have one name only: it stands as the last name.
    single = chance(rng, count, 0.0012)
    first_text = where(~single, lists.given.gather(given)).fill_null("")
    middle_text = where(single, "", where(takes_religious_name, kaur_singh, middle_text))
    local_part = text(lists.given_plain.gather(given), ".", lists.family_plain.gather(family))
    return first_text, middle_text, last_name, local_part


def _created(rng: np.random.Generator, kind: Ints, due: Days, now: np.datetime64) -> Moments:
    """Trainees are registered when their course begins, others when they apply."""
    count = len(kind)
    lead = np.where(
        np.isin(kind, (ITT, EYTS, EYPS)),
        rng.integers(250, 345, count),
        np.where(np.isin(kind, (ASSESSMENT_ONLY, OVERSEAS, UK, QTLS)), rng.integers(20, 160, count), 0),
    )
    lead = np.where(kind == TRAINING, rng.integers(200, 340, count), lead)
    created = due - lead.astype("timedelta64[D]")
    loaded = created < day(dates.DQT_LOADED)
    created = np.where(loaded, day(dates.DQT_LOADED) + rng.integers(0, 3, count) * DAY, created)
    late = created >= now
    created = np.where(late, now - rng.integers(1, 120, count) * DAY, created)
    return at_work(rng, created.astype("datetime64[D]"))


def _ninos(rng: np.random.Generator, start: int, count: int, kind: Ints, migrated: Mask) -> pl.Series:
    """National Insurance numbers or temporary references that can be nobody's, each given to one person only."""
    number = (np.arange(start, start + count, dtype=np.int64) * 1_299_709 + 271_828) % OF_ONE_PREFIX
    usual = pl.Series([nino(one) for one in number.tolist()])
    tens = rng.integers(10, 99, count).tolist()
    temporary = pl.Series([temporary_reference(*pair) for pair in zip(tens, number.tolist(), strict=True)])
    is_temporary = chance(rng, count, 0.004)
    lower = chance(rng, count, share_of("nino_not_normalised")) & migrated
    known = chance(rng, count, np.where(kind == OVERSEAS, 0.55, np.where(kind == NONE, 0.82, 0.9)))
    return where(known, where(is_temporary, temporary, where(lower, usual.str.to_lowercase(), usual)))
