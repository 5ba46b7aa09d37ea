"""A few events of every name that no other part writes: historic ones of DQT, and those of users, keys and web-hooks.

Their payloads are made from `sandbox.domain.events`: every field with a value of its type. Events of application users
hold made-up secrets, as the real ones hold real ones.
"""

from typing import Any, Final

import numpy as np
import polars as pl

from sandbox.domain.events import EventShape, shapes
from sandbox.domain.numbers import LINK_KEY, SECRET_MARK, SIGN_IN_LINK
from sandbox.population.arrays import DAY
from sandbox.population.draw import at_work, between, uuids
from sandbox.population.event_log import EventLog

_EACH: Final = 4


def other_events(log: EventLog, persons: pl.DataFrame) -> None:
    """Adds some rows for every event name of each store that has none so far; persons are taken from the frame."""
    events, world = log.writer("other events"), log.world
    rng = events.rng
    present = {(store, name) for store in log.frames for frame in log.frames[store] for name in _names(frame)}
    for shape in shapes().values():
        if (shape.store, shape.name) in present:
            continue
        people = persons.sample(_EACH, with_replacement=True, seed=int(rng.integers(1 << 31)))
        days = between(rng, np.datetime64("2024-02-01"), world.now - 2 * DAY, _EACH)
        facts = people.select("person_id", "first_name", "last_name", "trn", created_on=pl.Series(at_work(rng, days)))
        of_people = ("person_id",) if "PersonId" in shape.types else ()
        values = _values(rng, shape)
        if shape.store == "events":
            share = 0.8 if "Dqt" in shape.name else 0.1
            events.legacy(shape.name, facts, values, persons=of_people, dqt_share=share, undated_share=0.25)
        else:
            share = 1.0 if "Dqt" in shape.name else 0.0
            events.process(shape.name, facts, values, persons=of_people, dqt_share=share)


def _names(frame: pl.DataFrame) -> list[str]:
    return frame["event_name"].unique().to_list() if "event_name" in frame.columns else []


def _values(rng: np.random.Generator, shape: EventShape) -> dict[str, Any]:
    """A value for each field of a payload; of an object, one for each of its fields."""
    values: dict[str, Any] = {}
    for field, kind in shape.types.items():
        if field not in shape.objects:
            values[field] = _value(rng, field, kind)
            continue
        parts = shape.objects[field].columns
        # Of an API key the key is the credential; in other events a key is what a row was found by.
        of = {part: "credential" if part == "Key" and field.endswith("ApiKey") else "string" for part in parts}
        values[field] = pl.struct([_value(rng, part, of[part]).alias(part) for part in parts])
    return values


def _value(rng: np.random.Generator, field: str, kind: str) -> pl.Expr:
    """A value for a field in each of the rows, by its name first and its type second."""
    columns = {"PersonId": "person_id", "FirstName": "first_name", "LastName": "last_name", "Trn": "trn"}
    if field in columns:
        return pl.col(columns[field])
    if field == "Personalization":
        return pl.struct((pl.lit(SIGN_IN_LINK) + pl.col("trn")).alias(LINK_KEY))
    if any(word in field for word in ("Secret", "PrivateKey", "Token")) or kind == "credential":
        return pl.lit(pl.Series([f"{SECRET_MARK}-{number:x}" for number in rng.integers(1 << 40, size=_EACH)]))
    if field != "Changes" and (field.endswith("Id") or kind.startswith("Guid")):
        return pl.lit(uuids(rng, _EACH))
    if "Date" in field or kind.startswith("DateOnly"):
        days = np.datetime64("2005-01-01") + rng.integers(0, 7000, _EACH) * DAY
        return pl.lit(pl.Series(days).dt.strftime("%Y-%m-%d"))
    of_name: tuple[tuple[bool, Any], ...] = (
        (field == "Changes", 1),
        (field.endswith("On"), "2025-03-01T09:00:00Z"),
        (field in ("Status", "OldStatus", "DqtState", "Gender", "Specialism") or kind.startswith("int"), 1),
        (field.startswith("Is") or kind.startswith("bool") or field == "Enabled", True),
        (field.endswith(("Types", "Roles", "Uris", "Names", "Tickets")), pl.Series([[]], dtype=pl.List(pl.String))),
        ("Email" in field, "someone@example.com"),
        (kind.endswith("?"), None),
    )
    return pl.lit(next((value for applies, value in of_name if applies), field))
