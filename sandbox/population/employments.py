"""Employments as Teachers' Pensions knows them: careers cut into posts, then seen through the monthly extracts."""

import datetime
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import polars as pl

from sandbox.domain.defects import share_of
from sandbox.domain.numbers import PREFIX, TEMPORARY
from sandbox.domain.pensions import MONTHS_UNTIL_ENDED
from sandbox.population.arrays import DAY, NO_DAY, Days, Ints, Mask
from sandbox.population.cohorts import NONE
from sandbox.population.draw import at_work, chance, uuids, weighted
from sandbox.population.lifecycle import Lifecycle
from sandbox.population.people import People
from sandbox.population.routes import Statuses
from sandbox.population.series import digits, numerals, text, where
from sandbox.population.world import World

_FIRST_EXTRACT: Final = "2015-01"


def add_months(days: Days | np.datetime64, months: int) -> Days:
    """The same day so many months later, or the last day of that month where it is shorter (as Postgres adds)."""
    month = days.astype("datetime64[M]")
    of_month = (days - month.astype("datetime64[D]")).astype(np.int64)
    target = month + np.timedelta64(months, "M")
    length = ((target + np.timedelta64(1, "M")).astype("datetime64[D]") - target.astype("datetime64[D]")).astype(
        np.int64
    )
    later: Days = target.astype("datetime64[D]") + np.minimum(of_month, length - 1).astype("timedelta64[D]")
    return later


def extract_days(today: datetime.date) -> Days:
    """Days of all extracts so far: the 25th of each month; the last is at least five days old, so that it is loaded."""
    months = np.arange(np.datetime64(_FIRST_EXTRACT, "M"), np.datetime64(today, "M") + np.timedelta64(1, "M"))
    days = months.astype("datetime64[D]") + 24 * DAY
    loaded: Days = days[days <= np.datetime64(today, "D") - 5 * DAY]
    return loaded


@dataclass
class Posts:
    """Posts of one chunk that any extract has seen, one entry each; `row` is the person's position in the chunk."""

    row: Ints
    start: Days
    ends: Days
    """Null while the post continues."""
    first_seen: Days
    last_seen: Days
    """Days of the first and last extract with this post."""
    establishment: Ints
    kind: Ints
    lag: Ints
    """Months by which the employer's returns are late."""
    withdrawn: Mask
    leaving: Days
    """A known future last day of a post that continues, else null."""
    nino: pl.Series
    postcode: pl.Series
    email: pl.Series
    employer_postcode: pl.Series
    employer_email: pl.Series
    la_code: pl.Series
    number: pl.Series
    key: pl.Series
    employment_id: pl.Series

    def file_end(self, extract: Days | np.datetime64) -> Days:
        """The end date that an extract gives: of the post, or of the last pay period that was returned."""
        seen = np.broadcast_to(extract, len(self.row)).astype("datetime64[D]")
        period = seen.astype("datetime64[M]") - self.lag.astype("timedelta64[M]")
        paid = period.astype("datetime64[D]") - DAY
        paid = np.where(paid < self.start, seen, paid)
        paid = np.where(np.isnat(self.leaving), paid, self.leaving)
        ended = ~np.isnat(self.ends) & (self.ends <= seen + 60 * DAY)
        return np.where(ended, self.ends, paid).astype("datetime64[D]")

    def file_withdrawn(self, extract: Days | np.datetime64) -> Mask:
        """Whether an extract says W: the withdrawal is confirmed."""
        seen = np.broadcast_to(extract, len(self.row)).astype("datetime64[D]")
        ended = ~np.isnat(self.ends) & (self.ends <= seen + 60 * DAY)
        confirmed: Mask = (self.withdrawn & ended) | ~np.isnat(self.leaving)
        return confirmed


def draw_posts(world: World, chunk: int, people: People, held: Statuses, life: Lifecycle) -> Posts:
    """Careers of most people with a teaching status, and the posts of people whom the pension data brought in."""
    rng = world.stream("posts", chunk)
    row, start, ends = _careers(rng, world, people, held, life)
    extracts = extract_days(world.today)
    first = extracts[np.minimum(np.searchsorted(extracts, start), len(extracts) - 1)]
    until = np.where(np.isnat(ends), extracts[-1], add_months(np.where(np.isnat(ends), start, ends), 6))
    last = extracts[np.maximum(np.searchsorted(extracts, until, side="right") - 1, 0)]
    seen = (start <= extracts[-1]) & (until >= extracts[0]) & (last >= first) & (first >= start)
    row, start, ends, first, last = row[seen], start[seen], ends[seen], first[seen], last[seen]
    count = len(row)
    places = world.establishments
    place = weighted(rng, count, places.weights)
    goes_on = np.isnat(ends)
    leaving = np.where(goes_on & chance(rng, count, 0.01), last + rng.integers(8, 60, count) * DAY, NO_DAY)
    lag = np.where(goes_on & chance(rng, count, 0.03), rng.integers(1, 4, count), 0)
    la_code, number = places.la_codes.gather(place), places.numbers.gather(place)
    parts = {"trn": people.trn.gather(row), "la_code": la_code, "number": number, "start": start}
    keys = pl.DataFrame(parts).select(key_of(*parts))[:, 0]
    posts = Posts(
        row,
        start,
        ends,
        first,
        last,
        place,
        np.array([0, 1, 2, 3])[weighted(rng, count, (0.72, 0.19, 0.05, 0.04))],
        lag,
        chance(rng, count, 0.75),
        leaving.astype("datetime64[D]"),
        _ninos(rng, people, row),
        where(chance(rng, count, 0.97), people.postcode.gather(row)),
        where(chance(rng, count, 0.7), people.email.gather(row)),
        places.postcodes.gather(place),
        where(chance(rng, count, 0.8), text("office.", numerals(place), "@example.org")),
        la_code,
        number,
        keys,
        uuids(rng, count),
    )
    # Two posts that would share a key (same school, same start) are one to the pension data.
    keep = posts.key.is_first_distinct()
    kept = keep.to_numpy()
    columns: dict[str, Any] = {
        field.name: value.filter(keep) if isinstance(value := getattr(posts, field.name), pl.Series) else value[kept]
        for field in fields(posts)
    }
    return Posts(**columns)


def key_of(trn: str, la_code: str, number: str, start: str) -> pl.Expr:
    """The key of an employment, from the columns of these names."""
    return pl.concat_str(
        trn, la_code, pl.col(number).fill_null("NULL"), pl.col(start).dt.strftime("%Y%m%d"), separator="."
    )


def _careers(
    rng: np.random.Generator, world: World, people: People, held: Statuses, life: Lifecycle
) -> tuple[Ints, Days, Days]:
    """Row, start and end (null while it continues) of all posts. Posts begin and end with terms."""
    count, now = len(people), world.now
    status = np.where(np.isnat(held.qts_date), held.eyts_date, held.qts_date)
    status = np.where(np.isnat(status) & (people.kind == NONE) & people.by_tps, people.due, status)
    works = ~np.isnat(status) & chance(rng, count, 0.84) & ~life.merged
    row = np.flatnonzero(works)
    born = np.where(np.isnat(people.born[row]), status[row] - 9000 * DAY, people.born[row])
    begins = status[row] + rng.integers(10, 400, len(row)) * DAY
    retires = born + (365.25 * rng.normal(61.0, 2.5, len(row))).astype("timedelta64[D]")
    stays = (365.25 * rng.exponential(17.0, len(row))).astype("timedelta64[D]")
    ends = np.minimum(begins + stays, retires)
    died = life.died[row]
    ends = np.where(~np.isnat(died) & (died < ends), died, ends)
    real = (begins < now - 20 * DAY) & (ends > begins + 60 * DAY)
    row, begins, ends = row[real], begins[real], ends[real]
    years = (np.minimum(ends, now) - begins).astype(np.float64) / 365.25
    posts = 1 + np.minimum(rng.poisson(years / 6.5), 7)
    person = np.repeat(np.arange(len(row)), posts)
    # A person's career is cut at random moments; the first post begins with it.
    cut = rng.random(len(person))
    order = np.lexsort((cut, person))
    person, cut = person[order], cut[order]
    is_first = np.diff(person, prepend=-1) > 0
    is_last = np.append(is_first[1:], True)
    cut = np.where(is_first, 0.0, cut)
    span = (ends - begins).astype(np.float64)[person]
    start = begins[person] + (cut * span).astype("timedelta64[D]")
    stop = np.append(start[1:], start[:1])
    gap = np.where(chance(rng, len(start), 0.85), 0, rng.integers(30, 500, len(start))).astype("timedelta64[D]")
    stop = np.where(is_last, ends[person], stop - gap)
    start, stop = _term_start(start), _term_end(stop)
    kept = (start < stop) & (start < now)
    row, start, stop = row[person[kept]], start[kept], stop[kept]
    # Some hold a second post at the same time.
    twin = np.flatnonzero(chance(rng, len(row), 0.025))
    row, start, stop = (np.concatenate([a, a[twin]]) for a in (row, start, stop))
    return row, start, np.where(stop >= now, NO_DAY, stop).astype("datetime64[D]")


def _term_start(days: Days) -> Days:
    """The first day of the term: September, January or April."""
    month = days.astype("datetime64[M]").astype(np.int64) % 12
    back = np.array([0, 1, 2, 0, 1, 2, 3, 4, 0, 1, 2, 3])[month]
    first: Days = (days.astype("datetime64[M]") - back.astype("timedelta64[M]")).astype("datetime64[D]")
    return first


def _term_end(days: Days) -> Days:
    """The last day before a term begins: of August, December or March."""
    last: Days = _term_start(days) - DAY
    return last


def _ninos(rng: np.random.Generator, people: People, row: Ints) -> pl.Series:
    """The person's own number (or the one that TRS does not know), for a share another one or a temporary reference."""
    count = len(row)
    own = people.nino.gather(row).str.to_uppercase()
    unknown = text(PREFIX, digits((people.start + row) % 1_000_000, 6), "M")
    temporary = text(digits(rng.integers(10, 99, count), 2), TEMPORARY, digits(rng.integers(0, 99_999, count), 5))
    other = text(PREFIX, digits(rng.integers(0, 999_999, count), 6), "U")
    # One other number per person at most, however many posts.
    differs = chance(rng, len(people), share_of("employment_nino_differs"))[row] & (np.diff(row, prepend=-1) > 0)
    return where(differs, where(chance(rng, count, 0.4), temporary, other), own.fill_null(unknown))


def employment_rows(world: World, chunk: int, people: People, posts: Posts) -> pl.DataFrame:
    """Rows of `tps_employments` by the rules of the import, as its last extract left them and the ageing run after it.

    End date: the file's, if withdrawal is confirmed or the last known date is more than five months before the
    extract; null otherwise. The ageing run then ends what the newest extract has not seen for over five months.
    Besides the columns of the table the frame has `row`; the rows are sorted by person.
    """
    rng = world.stream("employments", chunk)
    count = len(posts.row)
    newest = extract_days(world.today)[-1]
    end, withdrawn = posts.file_end(posts.last_seen), posts.file_withdrawn(posts.last_seen)
    known = np.minimum(end, posts.last_seen)
    over = known < add_months(posts.last_seen, -MONTHS_UNTIL_ENDED)
    ended = np.where(withdrawn | over, end, NO_DAY)
    ended = np.where(np.isnat(ended) & (known < add_months(newest, -MONTHS_UNTIL_ENDED)), known, ended)
    created = at_work(rng, posts.first_seen + rng.integers(1, 4, count) * DAY)
    updated = np.where(
        posts.last_seen > posts.first_seen, at_work(rng, posts.last_seen + rng.integers(1, 4, count) * DAY), created
    )
    frame = pl.DataFrame(
        {
            "row": posts.row,
            "tps_employment_id": posts.employment_id,
            "person_id": people.person_id.gather(posts.row),
            "establishment_id": world.establishments.ids.gather(posts.establishment),
            "start_date": posts.start,
            "end_date": ended.astype("datetime64[D]"),
            "last_known_tps_employed_date": known,
            "last_extract_date": posts.last_seen,
            "employment_type": posts.kind,
            "created_on": created,
            "updated_on": updated,
            "key": posts.key,
            "national_insurance_number": posts.nino,
            "person_postcode": posts.postcode,
            "withdrawal_confirmed": withdrawn,
            "person_email_address": posts.email,
            "employer_postcode": posts.employer_postcode,
            "employer_email_address": posts.employer_email,
        }
    ).sort("row", "start_date", "tps_employment_id")
    twice = frame.filter(pl.Series(chance(rng, len(frame), share_of("employment_key_duplicated"))))
    if chunk == 0 and not len(twice):
        twice = frame.head(1)
    twice = twice.with_columns(tps_employment_id=uuids(rng, len(twice)))
    return pl.concat([frame, twice]).sort("row", maintain_order=True)
