"""A pass of carrying out differences: both sides, what a person has decided, what was done and what could not be."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import psycopg

from warehouse.core.errors import WarehouseError
from warehouse.core.progress import Progress
from warehouse.replicate.catalog import known_meanings
from warehouse.replicate.classification import Classification
from warehouse.replicate.drift import both_sides, publishing
from warehouse.replicate.drift.both_sides import Catalogs
from warehouse.replicate.drift.difference import Difference
from warehouse.replicate.ledger import column_states, gaps
from warehouse.replicate.ledger.epochs import Epoch


@dataclass
class Work:
    """A pass of carrying out.

    Attributes:
        accept: what a person has decided: `table.column` for a type, `table` for a key.
        by_person: whether a person asked for it; a run does only what is automatic.
        done: what was changed, a line each.
        failures: what could not be done; the rest was.
    """

    source: psycopg.Connection
    warehouse: psycopg.Connection
    epoch: Epoch
    classification: Classification
    progress: Progress
    accept: frozenset[str] = frozenset()
    by_person: bool = True
    done: list[str] = field(default_factory=list)
    failures: list[WarehouseError] = field(default_factory=list)
    _seen: Catalogs | None = None

    @property
    def name(self) -> str:
        """Of the publication and the subscription."""
        return self.epoch.replication_name

    @property
    def schema(self) -> str:
        """Of the tables, at the source and in the warehouse."""
        return self.classification.schema_name

    def look(self) -> Catalogs:
        """Both sides as they are now."""
        self._seen = both_sides.read(self.source, self.warehouse, self.name, self.schema)
        return self._seen

    def seen(self) -> Catalogs:
        """Both sides as they were at the last look; looks again when something was altered since."""
        return self._seen or self.look()

    def altered(self) -> None:
        """What was seen does not hold any more."""
        self._seen = None

    def record(self, difference: Difference, what: str) -> None:
        """Write down and report what was done about a difference."""
        column_states.changed(self.warehouse, difference.kind, difference.table, difference.column, what)
        self.done.append(f"{difference.name}: {what}")

    def publish(self, table: str, columns: Sequence[str]) -> None:
        """Have the publication send these columns of a table; with none, nothing of it.

        Raises:
            DriftHeld, MissingPrivilege: see publishing.publish().
        """
        listing = publishing.publish(self.source, self.name, self.schema, table, columns)
        known_meanings.note_listing(self.warehouse, table, listing)

    def open_gap(self, tables: Collection[str], reason: str) -> None:
        """Write down that changes of tables were missed since they were last seen to be sent whole."""
        gaps.missed(self.warehouse, self.epoch, sorted(tables), reason)

    def attempt(self, step: Callable[..., None], *given: object) -> None:
        """Do a step with what it needs; what is wrong with one table does not keep the others from theirs."""
        try:
            step(self, *given)
        except WarehouseError as error:
            self.failures.append(error)
        finally:
            self.altered()
