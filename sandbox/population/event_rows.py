"""Builds rows of both event stores from a frame of facts: `events`, and `processes` with `process_events`.

A payload is what the application writes: an object with EventId first, in `events` also CreatedUtc and RaisedBy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from sandbox.population.users import SYSTEM_USER_ID
from sandbox.population.vector import chance, iso, one_of, uuids
from sandbox.population.world import World

_DQT_USERS = (
    ("6d9b1f0e-2f4d-4c57-9d3c-5a1f0c7b1e01", "Alex Morgan"),
    ("6d9b1f0e-2f4d-4c57-9d3c-5a1f0c7b1e02", "Sam O'Leary"),
    ("6d9b1f0e-2f4d-4c57-9d3c-5a1f0c7b1e03", "CRM Integration"),
)


RAW_DATA: Final = "@data"
"""Stands in a payload for the JSON of the column `data`."""


@dataclass
class EventRows:
    """Frames to load, gathered by table."""

    events: list[pl.DataFrame] = field(default_factory=list)
    processes: list[pl.DataFrame] = field(default_factory=list)
    process_events: list[pl.DataFrame] = field(default_factory=list)


def struct_of(fields: Mapping[str, pl.Expr]) -> pl.Expr:
    """A struct of named expressions, in their order."""
    return pl.struct([expression.alias(name) for name, expression in fields.items()])


def encoded(facts: pl.DataFrame, body: Mapping[str, pl.Expr]) -> pl.Series:
    """Bodies as JSON. A field given as the text RAW_DATA becomes the facts' column `data`, which is JSON itself."""
    text = facts.select(struct_of(body).struct.json_encode().alias("text"))["text"]
    if "data" not in facts.columns:
        return text
    both = pl.DataFrame({"text": text, "data": facts["data"]})
    return both.select(pl.col("text").str.replace_all(f'"{RAW_DATA}"', pl.col("data"), literal=True))["text"]


def raised_by(
    world: World, rng: np.random.Generator, count: int, dqt_share: float = 0.0, system_share: float = 0.3
) -> pl.Series:
    """Who raised each event, as JSON: a guid, or an object for users of DQT."""
    person = pl.select(
        pl.concat_str(pl.lit('"'), pl.lit(one_of(rng, count, world.users.staff.to_list())), pl.lit('"'))
    ).to_series()
    dqt = one_of(rng, count, ['{"DqtUserId":"' + i + '","DqtUserName":"' + n + '"}' for i, n in _DQT_USERS])
    draw = rng.random(count)
    return pl.select(
        pl.when(pl.Series(draw < dqt_share))
        .then(pl.lit(dqt))
        .when(pl.Series(draw < dqt_share + system_share))
        .then(pl.lit(f'"{SYSTEM_USER_ID}"'))
        .otherwise(pl.lit(person))
    ).to_series()


def person_array(*columns: str) -> pl.Expr:
    """person_ids as an array literal; null persons are left out."""
    return pl.concat_str(pl.lit("{"), pl.concat_str(*columns, separator=",", ignore_nulls=True), pl.lit("}"))


def add_legacy(
    rows: EventRows,
    world: World,
    rng: np.random.Generator,
    name: str,
    facts: pl.DataFrame,
    body: Mapping[str, pl.Expr],
    *,
    event_id: pl.Series | None = None,
    raised: pl.Series | None = None,
    persons: tuple[str, ...] = ("person_id",),
    undated_share: float = 0.0,
) -> None:
    """Adds rows of `events`. `facts` has `created` (a moment), the persons' columns, and maybe `qualification_id` and
    `alert_id`; `body` gives the payload's own fields. `undated_share` of the rows were inserted at -infinity."""
    count = len(facts)
    if not count:
        return
    ids = uuids(rng, count) if event_id is None else event_id
    raised = raised_by(world, rng, count) if raised is None else raised
    inserted = pl.col("created").dt.offset_by("120ms").dt.strftime("%Y-%m-%d %H:%M:%S%.6f+00")
    frame = facts.select(
        event_id=ids,
        event_name=pl.lit(name),
        created="created",
        inserted=pl.when(pl.Series(chance(rng, count, undated_share))).then(pl.lit("-infinity")).otherwise(inserted),
        payload=pl.concat_str(
            pl.lit('{"EventId":"'),
            pl.lit(ids),
            pl.lit('","CreatedUtc":"'),
            iso("created"),
            pl.lit('","RaisedBy":'),
            pl.lit(raised),
            pl.lit(","),
            pl.lit(encoded(facts, body)).str.slice(1),
        ),
        published=pl.lit(True),
        person_id=pl.col(persons[0]) if persons else pl.lit(None, dtype=pl.String),
        person_ids=person_array(*persons) if persons else pl.lit("{}"),
        qualification_id=pl.col("qualification_id")
        if "qualification_id" in facts.columns
        else pl.lit(None, dtype=pl.String),
        alert_id=pl.col("alert_id") if "alert_id" in facts.columns else pl.lit(None, dtype=pl.String),
    )
    rows.events.append(frame)


def add_process(
    rows: EventRows,
    world: World,
    rng: np.random.Generator,
    process_type: int,
    name: str,
    facts: pl.DataFrame,
    body: Mapping[str, pl.Expr],
    *,
    event_id: pl.Series | None = None,
    persons: tuple[str, ...] = ("person_id",),
    by: pl.Series | None = None,
    dqt_share: float = 0.0,
    reason: pl.Series | None = None,
) -> None:
    """Adds one process and its one event per row of `facts`; `by` gives users, else staff and the system share them.

    Facts may have `subject` (a One Login account) and `task` (a support task's reference).
    """
    count = len(facts)
    if not count:
        return
    ids = uuids(rng, count) if event_id is None else event_id
    process_id = uuids(rng, count)
    from_dqt = chance(rng, count, dqt_share)
    who = rng.integers(0, len(_DQT_USERS), count)
    staff = one_of(rng, count, [*world.users.staff.to_list(), *[SYSTEM_USER_ID] * 8])
    user = staff if by is None else by

    def listed(column: str) -> pl.Expr:
        return person_array(column) if column in facts.columns else pl.lit("{}")

    persons_expression = person_array(*persons) if persons else pl.lit("{}")
    rows.processes.append(
        facts.select(
            process_id=process_id,
            process_type=pl.lit(process_type),
            created_on="created",
            updated_on="created",
            user_id=pl.when(~pl.Series(from_dqt)).then(pl.lit(user)),
            dqt_user_id=pl.when(pl.Series(from_dqt)).then(pl.lit(pl.Series([u[0] for u in _DQT_USERS]).gather(who))),
            dqt_user_name=pl.when(pl.Series(from_dqt)).then(pl.lit(pl.Series([u[1] for u in _DQT_USERS]).gather(who))),
            person_ids=persons_expression,
            change_reason=pl.lit(None, dtype=pl.String) if reason is None else pl.lit(reason),
            one_login_user_subjects=listed("subject"),
            support_task_references=listed("task"),
        )
    )
    rows.process_events.append(
        facts.select(
            process_event_id=ids,
            process_id=process_id,
            event_name=pl.lit(name),
            payload=pl.concat_str(
                pl.lit('{"EventId":"'), pl.lit(ids), pl.lit('",'), pl.lit(encoded(facts, body)).str.slice(1)
            ),
            person_ids=persons_expression,
            created_on="created",
            one_login_user_subjects=listed("subject"),
            support_task_references=listed("task"),
        )
    )


def reasons(rng: np.random.Generator, count: int, texts: tuple[str, ...], share: float = 0.6) -> pl.Series:
    """change_reason of processes: a reason with details and evidence, or null."""
    objects = [
        '{"Reason":"' + text + '","Details":null,"EvidenceFile":' + file + "}"
        for text in texts
        for file in ("null", '{"FileId":"3c1f3a55-8f0e-4d7c-9c55-0d8b5a3f7e10","Name":"evidence.pdf"}')
    ]
    return pl.select(
        pl.when(pl.Series(chance(rng, count, share))).then(pl.lit(one_of(rng, count, objects)))
    ).to_series()


def in_words(column: str) -> pl.Expr:
    """A date as the payloads write it."""
    return pl.col(column).dt.strftime("%Y-%m-%d")


def listed_ids(column: str) -> pl.Expr:
    """An array literal of identifiers as a list."""
    inner = pl.col(column).str.strip_chars("{}")
    return pl.when(inner == "").then(pl.lit(pl.Series([[]], dtype=pl.List(pl.String)))).otherwise(inner.str.split(","))
