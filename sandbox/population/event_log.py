"""Builds rows of both event stores from frames of facts: `events`, and `processes` with `process_events`.

What stands in a payload comes from `sandbox.domain.events`. A field is filled from the column of the facts that has its
name, an object (`obj`) from the columns of its table; what the facts do not hold is null. `Changes` follows from what
differs between an object and the old one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from sandbox.domain.events import ObjectShape, Store, change_reason, column_of, file, shapes
from sandbox.domain.tables import rows
from sandbox.population.draw import chance, one_of, uuids
from sandbox.population.series import as_json, iso, text, where
from sandbox.population.users import SYSTEM_USER_ID
from sandbox.population.world import World

Values = Mapping[str, Any]
"""Fields of a payload: expressions on the facts, plain values, and objects made with `obj`."""

_EVIDENCE = file("3c1f3a55-8f0e-4d7c-9c55-0d8b5a3f7e10", "evidence.pdf")


class obj(dict[str, Any]):
    """An object of a payload, filled from the facts; the fields given here have these values instead."""

    needs: str | None = None
    """The object is null where this column is null."""

    def only_with(self, column: str) -> obj:
        """The object where the column is not null, null elsewhere."""
        self.needs = column
        return self


class EventLog:
    """The events of one chunk of people: frames to load, by table."""

    def __init__(self, world: World, chunk: int) -> None:
        self.world, self.chunk = world, chunk
        self.frames: dict[Store | str, list[pl.DataFrame]] = {"processes": [], "process_events": [], "events": []}

    def writer(self, topic: str) -> EventWriter:
        """What writes the events of one topic, from a random stream of its own."""
        return EventWriter(self, self.world, self.world.stream(topic, self.chunk))


class EventWriter:
    """Adds events to a log. `at` names the column of the facts that has the moment of each event."""

    def __init__(self, log: EventLog, world: World, rng: np.random.Generator) -> None:
        self.log, self.world, self.rng = log, world, rng

    def both(
        self, name: str, facts: pl.DataFrame, values: Values, legacy: str, legacy_values: Values, **how: Any
    ) -> None:
        """An event in the newer store and the one that mirrors it in the older store, under one id."""
        ids = uuids(self.rng, len(facts))
        self.process(name, facts, values, ids=ids, **how)
        how = {key: value for key, value in how.items() if key in ("at", "persons")}
        self.legacy(legacy, facts, legacy_values, ids=ids, **how)

    def legacy(
        self,
        name: str,
        facts: pl.DataFrame,
        values: Values | None = None,
        *,
        at: str = "created_on",
        ids: pl.Series | None = None,
        persons: Sequence[str] = ("person_id",),
        dqt_share: float = 0.0,
        system_share: float = 0.3,
        undated_share: float = 0.0,
    ) -> None:
        """Events of the older store. Users of DQT and the system raised a share of them, staff the others.

        `undated_share` of the rows were inserted at -infinity.
        """
        count, rng = len(facts), self.rng
        if not count:
            return
        ids = uuids(rng, count) if ids is None else ids
        undated = pl.Series(chance(rng, count, undated_share))
        inserted = pl.col(at).dt.offset_by("120ms").dt.strftime("%Y-%m-%d %H:%M:%S%.6f+00")
        head = (',"CreatedUtc":"', iso(at), '","RaisedBy":', self._raised(count, dqt_share, system_share))
        own = {key: pl.col(key) for key in ("qualification_id", "alert_id") if key in facts.columns}
        frame = facts.select(
            event_id=ids,
            event_name=pl.lit(name),
            created=pl.col(at),
            inserted=pl.when(undated).then(pl.lit("-infinity")).otherwise(inserted),
            payload=_payload("events", name, facts, ids, values or {}, *head),
            published=pl.lit(True),
            person_id=pl.col(persons[0]) if persons else pl.lit(None, dtype=pl.String),
            person_ids=_array(*persons),
            **own,
        )
        self.log.frames["events"].append(frame)

    def process(
        self,
        name: str,
        facts: pl.DataFrame,
        values: Values | None = None,
        *,
        process_type: int | None = None,
        at: str = "created_on",
        ids: pl.Series | None = None,
        persons: Sequence[str] = ("person_id",),
        by: pl.Series | None = None,
        dqt_share: float = 0.0,
        reasons: Sequence[str] = (),
        reason_share: float = 0.6,
    ) -> None:
        """One process with its one event per row of the facts.

        `by` gives the users; else staff, the system and a share of users of DQT did it. A share of the processes has
        one of `reasons`.
        """
        count, rng = len(facts), self.rng
        if not count:
            return
        ids = uuids(rng, count) if ids is None else ids
        dqt = rows("dqt_users")
        from_dqt, who = chance(rng, count, dqt_share), rng.integers(0, len(dqt), count)
        staff = one_of(rng, count, [*self.world.users.staff.to_list(), *[SYSTEM_USER_ID] * 8])
        why = [as_json(change_reason(reason, None, evidence)) for reason in reasons for evidence in (None, _EVIDENCE)]
        linked = {
            "person_ids": _array(*persons),
            "one_login_user_subjects": _listed(facts, "one_login_user_subject", "subject"),
            "support_task_references": _listed(facts, "support_task_reference"),
        }
        process_id = uuids(rng, count)
        processes = facts.select(
            process_id=process_id,
            process_type=pl.lit(process_type or shapes()["process_events", name].process_type),
            created_on=pl.col(at),
            updated_on=pl.col(at),
            user_id=where(~from_dqt, staff if by is None else by),
            dqt_user_id=where(from_dqt, pl.Series([user["id"] for user in dqt]).gather(who)),
            dqt_user_name=where(from_dqt, pl.Series([user["name"] for user in dqt]).gather(who)),
            change_reason=where(chance(rng, count, reason_share), one_of(rng, count, why))
            if why
            else pl.lit(None, dtype=pl.String),
            **linked,
        )
        events = facts.select(
            process_event_id=ids,
            process_id=process_id,
            event_name=pl.lit(name),
            payload=_payload("process_events", name, facts, ids, values or {}),
            created_on=pl.col(at),
            **linked,
        )
        self.log.frames["processes"].append(processes)
        self.log.frames["process_events"].append(events)

    def _raised(self, count: int, dqt_share: float, system_share: float) -> pl.Series:
        """Who raised each event, as JSON: an identifier, or an object for users of DQT."""
        rng = self.rng
        people = [as_json({"DqtUserId": user["id"], "DqtUserName": user["name"]}) for user in rows("dqt_users")]
        staff, dqt = one_of(rng, count, self.world.users.staff.to_list()), one_of(rng, count, people)
        draw = rng.random(count)
        own = where(draw < dqt_share + system_share, SYSTEM_USER_ID, staff)
        return where(draw < dqt_share, dqt, text('"', own, '"'))


def _payload(
    store: Store, name: str, facts: pl.DataFrame, ids: pl.Series, values: Values, *head: pl.Series | pl.Expr | str
) -> pl.Series:
    shape = shapes()[store, name]
    unknown = values.keys() - shape.types.keys()
    if unknown:
        raise KeyError(f"{name} in {store} has no field {', '.join(sorted(unknown))}")
    fields: dict[str, pl.Expr] = {}
    raw: set[str] = set()
    for field in shape.types:
        value = values.get(field)
        if isinstance(value, obj):
            parts = {key: _field(facts, shape.objects[field], key, value, raw) for key in shape.objects[field].columns}
            whole = _struct(parts)
            fields[field] = pl.when(pl.col(value.needs).is_not_null()).then(whole) if value.needs else whole
        elif field in values:
            fields[field] = _expression(value)
        else:
            fields[field] = _column(facts, column_of(field)) if field not in shape.objects else _expression(None)
    if "Changes" in fields and "Changes" not in values:
        fields["Changes"] = _changes(shape.tracked, facts, shape.objects, values)
    start = [_expression(part) for part in ('{"EventId":"', ids, '"', *head)]
    if not fields:
        return facts.select(pl.concat_str([*start, pl.lit("}")]))[:, 0]
    body = facts.select(_struct(fields).struct.json_encode())[:, 0]
    for column in raw:
        json = facts[column].fill_null("null")
        body = pl.select(pl.lit(body).str.replace_all(f'"@{column}"', pl.lit(json), literal=True)).to_series()
    return facts.select(pl.concat_str([*start, pl.lit(","), pl.lit(body.str.slice(1))]))[:, 0]


def _struct(fields: Mapping[str, pl.Expr]) -> pl.Expr:
    return pl.struct([expression.alias(name) for name, expression in fields.items()])


def _expression(value: Any) -> pl.Expr:
    if isinstance(value, pl.Expr):
        return value
    return pl.lit(value)


def _field(facts: pl.DataFrame, shape: ObjectShape, field: str, given: Values, raw: set[str]) -> pl.Expr:
    """A field of an object: as given, or from its column. JSON is put in afterwards, see `raw`."""
    column = shape.columns[field]
    if field in given:
        return _expression(given[field])
    if field in shape.json and column in facts.columns:
        raw.add(column)
        return pl.lit(f"@{column}")
    if field in shape.lists:
        return listed(column) if column in facts.columns else pl.lit(pl.Series([[]], dtype=pl.List(pl.String)))
    return _column(facts, column)


def _column(facts: pl.DataFrame, column: str) -> pl.Expr:
    """A column as the payloads write it; null where the facts do not have it."""
    if column not in facts.columns:
        return _expression(None)
    kind = facts.schema[column]
    if kind == pl.Date:
        return pl.col(column).dt.strftime("%Y-%m-%d")
    return iso(column) if isinstance(kind, pl.Datetime) else pl.col(column)


def _changes(
    tracked: Sequence[tuple[str, str, int]], facts: pl.DataFrame, shapes_of: Mapping[str, ObjectShape], values: Values
) -> pl.Expr:
    """The sum of the flags of attributes that differ. Only what was given for one of the two objects can differ."""
    mask = pl.lit(0)
    for field, attribute, bit in tracked:
        new, old = values.get(field), values.get(f"Old{field}")
        if new is None or old is None or not ({attribute} & (new.keys() | old.keys())):
            continue
        sides = [_field(facts, shapes_of[field], attribute, side, set()) for side in (new, old)]
        mask = mask + pl.when(sides[0].ne_missing(sides[1])).then(bit).otherwise(0)
    return mask


def _array(*columns: str) -> pl.Expr:
    """An array literal of the values of some columns; nulls are left out."""
    if not columns:
        return pl.lit("{}")
    return pl.concat_str(pl.lit("{"), pl.concat_str(*columns, separator=",", ignore_nulls=True), pl.lit("}"))


def _listed(facts: pl.DataFrame, *columns: str) -> pl.Expr:
    return _array(*[column for column in columns if column in facts.columns])


def listed(column: str) -> pl.Expr:
    """An array literal of identifiers as a list."""
    inner = pl.col(column).str.strip_chars("{}")
    return pl.when(inner == "").then(pl.lit(pl.Series([[]], dtype=pl.List(pl.String)))).otherwise(inner.str.split(","))
