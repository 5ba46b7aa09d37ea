"""Notes on people's records, short ones and long letters, and the events of their making."""

import numpy as np
import polars as pl

from sandbox.domain import dates
from sandbox.population.event_rows import EventRows, add_process, reasons
from sandbox.population.people import People
from sandbox.population.vector import DAY, NO_MOMENT, at_work, between, chance, day, moment, one_of, uuids, where
from sandbox.population.world import World


def draw_notes(rows: EventRows, world: World, chunk: int, people: People) -> pl.DataFrame:
    """Rows of `notes` on 2 in 100 people. One in eight is a long letter, so that its event's payload is over 8 kB."""
    rng = world.stream("notes", chunk)
    count = max(16, round(len(people) * 0.02))
    row = rng.integers(0, len(people), count)
    first = np.maximum(people.created[row].astype("datetime64[D]") + DAY, day(dates.DQT_LOADED))
    made = at_work(rng, between(rng, first, world.now - 2 * DAY, count))
    made = np.minimum(made, world.moment - np.timedelta64(30, "h"))
    from_dqt = made < moment(dates.PEOPLE_MOVED)
    short = one_of(
        rng,
        count,
        (
            "Telephone call from the teacher about the date on the certificate; corrected.",
            "Letter returned undelivered. Address to be confirmed at next contact.",
            "Employer asked for confirmation of status. Confirmed by email.",
            "Evidence of change of name seen and returned.",
            "Provider confirmed that the course was not completed.",
        ),
    )
    is_long = chance(rng, count, 0.125)
    is_long[:2] = True
    places = np.flatnonzero(is_long)
    content = short.scatter(places, pl.Series([_letter(rng) for _ in places], dtype=pl.String))
    edited = chance(rng, count, 0.1)
    has_file = chance(rng, count, 0.15)
    frame = pl.DataFrame(
        {
            "note_id": uuids(rng, count),
            "person_id": people.person_id.gather(row),
            "content": content,
            "content_html": where(
                from_dqt, pl.select(pl.concat_str(pl.lit("<div>"), pl.lit(content), pl.lit("</div>"))).to_series()
            ),
            "updated_on": np.where(edited, made + np.timedelta64(20, "h"), NO_MOMENT),
            "created_on": made,
            "created_by_user_id": where(~from_dqt, one_of(rng, count, world.users.staff.to_list())),
            "created_by_dqt_user_id": where(from_dqt, pl.Series(["6d9b1f0e-2f4d-4c57-9d3c-5a1f0c7b1e01"] * count)),
            "created_by_dqt_user_name": where(from_dqt, pl.Series(["Alex Morgan"] * count)),
            "updated_by_dqt_user_id": where(
                from_dqt & edited, pl.Series(["6d9b1f0e-2f4d-4c57-9d3c-5a1f0c7b1e02"] * count)
            ),
            "updated_by_dqt_user_name": where(from_dqt & edited, pl.Series(["Sam O'Leary"] * count)),
            "file_id": where(has_file, uuids(rng, count)),
            "original_file_name": where(has_file, one_of(rng, count, ("letter.pdf", "scan.png", "form signed.docx"))),
        }
    )
    logged = pl.Series(~from_dqt | is_long)
    facts = frame.filter(logged).with_columns(created=pl.col("created_on"))
    add_process(
        rows,
        world,
        rng,
        11,
        "NoteCreatedEvent",
        facts,
        {
            "PersonId": pl.col("person_id"),
            "Note": pl.struct(
                NoteId="note_id", PersonId="person_id", Content="content", File=pl.lit(None, dtype=pl.String)
            ),
        },
        reason=reasons(rng, len(facts), ("AnotherReason",), 0.05),
    )
    return frame


def _letter(rng: np.random.Generator) -> str:
    """Nine to thirty thousand characters that do not compress well: references and dates between words."""
    words = (
        "panel",
        "decision",
        "evidence",
        "statement",
        "meeting",
        "reference",
        "date",
        "school",
        "letter",
        "received",
    )
    lines = int(rng.integers(180, 600))
    numbers = rng.integers(0, 1 << 62, (lines, 2))
    return " ".join(f"{words[a % 10]} {words[b % 7]} {a:016x}{b:016x}." for a, b in numbers.tolist())
