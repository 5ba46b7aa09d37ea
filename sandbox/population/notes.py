"""Notes on people's records, short ones and long letters, and the events of their making."""

import numpy as np
import polars as pl

from sandbox.domain import dates
from sandbox.domain.tables import rows, words
from sandbox.population.arrays import DAY, NO_MOMENT, day, moment
from sandbox.population.draw import at_work, between, chance, one_of, uuids
from sandbox.population.event_log import EventLog, obj
from sandbox.population.people import People
from sandbox.population.series import text, where


def draw_notes(log: EventLog, people: People) -> pl.DataFrame:
    """Rows of `notes` on 2 in 100 people. One in eight is a long letter, so that its event's payload is over 8 kB."""
    events, world = log.writer("notes"), log.world
    rng = events.rng
    count = max(16, round(len(people) * 0.02))
    row = rng.integers(0, len(people), count)
    first = np.maximum(people.created[row].astype("datetime64[D]") + DAY, day(dates.DQT_LOADED))
    made = at_work(rng, between(rng, first, world.now - 2 * DAY, count))
    made = np.minimum(made, world.moment - np.timedelta64(30, "h"))
    from_dqt = made < moment(dates.PEOPLE_MOVED)
    short = one_of(rng, count, words("note"))
    is_long = chance(rng, count, 0.125)
    is_long[:2] = True
    places = np.flatnonzero(is_long)
    content = short.scatter(places, pl.Series([_letter(rng) for _ in places], dtype=pl.String))
    edited = chance(rng, count, 0.1)
    has_file = chance(rng, count, 0.15)
    dqt = rows("dqt_users")
    frame = pl.DataFrame(
        {
            "note_id": uuids(rng, count),
            "person_id": people.person_id.gather(row),
            "content": content,
            "content_html": where(from_dqt, text("<div>", content, "</div>")),
            "updated_on": np.where(edited, made + np.timedelta64(20, "h"), NO_MOMENT),
            "created_on": made,
            "created_by_user_id": where(~from_dqt, one_of(rng, count, world.users.staff.to_list())),
            "created_by_dqt_user_id": where(from_dqt, dqt[0]["id"]),
            "created_by_dqt_user_name": where(from_dqt, dqt[0]["name"]),
            "updated_by_dqt_user_id": where(from_dqt & edited, dqt[1]["id"]),
            "updated_by_dqt_user_name": where(from_dqt & edited, dqt[1]["name"]),
            "file_id": where(has_file, uuids(rng, count)),
            "original_file_name": where(has_file, one_of(rng, count, ("letter.pdf", "scan.png", "form signed.docx"))),
        }
    )
    facts = frame.filter(~from_dqt | is_long)
    file = pl.when(pl.col("file_id").is_not_null()).then(pl.struct(FileId="file_id", Name="original_file_name"))
    note = {"Note": obj(File=file)}
    events.process("NoteCreatedEvent", facts, note, reasons=("Another reason",), reason_share=0.05)
    return frame


def _letter(rng: np.random.Generator) -> str:
    """Nine to thirty thousand characters that do not compress well: references and dates between words."""
    stock = words("letter")
    lines = int(rng.integers(180, 600))
    numbers = rng.integers(0, 1 << 62, (lines, 2))
    return " ".join(f"{stock[a % 10]} {stock[b % 7]} {a:016x}{b:016x}." for a, b in numbers.tolist())
