"""Random transactions on the operational database, in threads, for as long as a drill lasts."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from tests.python.replicate.world import PERSON, insert
from warehouse.core.errors import DatabaseUnreachable

TABLES = ("persons", "qualifications", "trn_request_metadata", "events", "tps_establishments")
"""Foreign keys, a key of two columns, large values, and a table that is emptied and filled again."""

_DATES = ("1066-10-14", "1752-09-14", "1990-02-28", "12026-01-01", "infinity", "-infinity", None)
_TIMES = ("2026-01-01", "-infinity", "infinity", "1700-01-01", "10001-01-01", None)


def ready(source: psycopg.Connection) -> uuid.UUID:
    """What the random rows refer to: an application user; returns its key."""
    user = uuid.uuid4()
    insert(source, "users", {"user_id": user, "active": True, "user_type": 2, "name": "Register"})
    return user


@dataclass
class Writer:
    """One session's random transactions.

    Each writer has keys of its own, so that writers meet only where a table is emptied.

    Args:
        user: the application user.
        number: sets the writer apart from others of the same drill.
    """

    chance: random.Random
    user: uuid.UUID
    number: int
    persons: list[uuid.UUID] = field(default_factory=list)
    events: list[uuid.UUID] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    trns: int = 0

    def transaction(self, source: psycopg.Connection) -> None:
        """One transaction of a few changes; some of it, or all, may be taken back."""
        with source.transaction():
            for _ in range(self.chance.choice((1, 1, 2, 3, 8))):
                if self.chance.random() < 0.1:
                    with source.transaction(force_rollback=self.chance.random() < 0.5):
                        self._change(source)
                else:
                    self._change(source)
            if self.chance.random() < 0.06:
                raise psycopg.Rollback

    def _change(self, source: psycopg.Connection) -> None:
        actions: list[tuple[int, Callable[[psycopg.Connection], None]]] = [
            (5, self._new_person),
            (8, self._change_person),
            (2, self._change_person_twice),
            (1, self._rekey_person),
            (1, self._drop_person),
            (3, self._qualify),
            (2, self._change_qualification),
            (3, self._new_event),
            (3, self._publish_event),
            (1, self._change_event),
            (4, self._request),
            (3, self._change_request),
            (2, self._rekey_request),
            (2, self._drop_request),
            (2, self._establish),
            (1, self._truncate),
        ]
        self.chance.choices([one for _, one in actions], [weight for weight, _ in actions])[0](source)

    def _key(self) -> uuid.UUID:
        return uuid.UUID(int=self.chance.getrandbits(128), version=4)

    def _new_person(self, source: psycopg.Connection) -> None:
        key = self._key()
        self.trns += 1
        dates = {"date_of_birth": self.chance.choice(_DATES), "qts_date": self.chance.choice(_DATES)}
        times = {"created_on": self.chance.choice(_TIMES), "updated_on": self.chance.choice(_TIMES)}
        trn = f"{self.number % 100:02d}{self.trns % 100_000:05d}"
        insert(source, "persons", {**PERSON, "person_id": key, "trn": trn, **dates, **times})
        # Not known any more if the transaction is taken back: then later changes of it find no row.
        self.persons.append(key)

    def _change_person(self, source: psycopg.Connection) -> None:
        source.execute(
            "update persons set last_name = %s, status = 1 - status, updated_on = %s where person_id = %s",
            (f"Name {self.chance.randrange(10**6)}", self.chance.choice(_TIMES), self._one(self.persons)),
        )

    def _change_person_twice(self, source: psycopg.Connection) -> None:
        key = self._one(self.persons)
        for name in ("O'Brien", "O'BRIEN"):
            source.execute("update persons set last_name = %s where person_id = %s", (name, key))

    def _rekey_person(self, source: psycopg.Connection) -> None:
        key, new = self._one(self.persons), self._key()
        changed = source.execute(
            "update persons set person_id = %s where person_id = %s"
            " and not exists (select from qualifications as q where q.person_id = persons.person_id)",
            (new, key),
        )
        if changed.rowcount:
            self.persons.append(new)

    def _drop_person(self, source: psycopg.Connection) -> None:
        # Takes its qualifications along.
        source.execute("delete from persons where person_id = %s", (self._one(self.persons),))

    def _qualify(self, source: psycopg.Connection) -> None:
        source.execute(
            "insert into qualifications (qualification_id, created_on, updated_on, qualification_type, person_id,"
            " status, start_date) select %s, '2026-01-01', '-infinity', 1, person_id, 3, %s"
            " from persons where person_id = %s",
            (self._key(), self.chance.choice(_DATES), self._one(self.persons)),
        )

    def _change_qualification(self, source: psycopg.Connection) -> None:
        source.execute(
            "update qualifications set status = (status + 1) %% 5, dqt_teacher_status_name = %s where person_id = %s",
            (f"Status {self.chance.randrange(50)}", self._one(self.persons)),
        )

    def _new_event(self, source: psycopg.Connection) -> None:
        key = self._key()
        insert(
            source,
            "events",
            {
                "event_id": key,
                "event_name": "ChangeNameRequestSupportTaskRejectedEvent",
                "created": "2026-01-01",
                "inserted": self.chance.choice(("2026-01-01", "-infinity")),
                "payload": Jsonb({"RejectionReason": self._large()}),
                "published": False,
                "person_ids": [self._one(self.persons)],
            },
        )
        self.events.append(key)

    def _publish_event(self, source: psycopg.Connection) -> None:
        # The large value stays as it is and is not sent.
        source.execute("update events set published = not published where event_id = %s", (self._one(self.events),))

    def _change_event(self, source: psycopg.Connection) -> None:
        payload = Jsonb({"RejectionReason": self._large(), "PersonId": "changed"})
        source.execute("update events set payload = %s where event_id = %s", (payload, self._one(self.events)))

    def _request(self, source: psycopg.Connection) -> None:
        # The same request may come back after it was deleted.
        request = f"{self.number}-{self.chance.randrange(60)}"
        source.execute(
            "insert into trn_request_metadata (application_user_id, request_id, created_on, name, date_of_birth,"
            " potential_duplicate, status) values (%s, %s, '2026-01-01', %s, %s, false, 0) on conflict do nothing",
            (self.user, request, ["Ada", "O'Brien"], self.chance.choice(_DATES[:-1])),
        )
        self.requests.append(request)

    def _change_request(self, source: psycopg.Connection) -> None:
        source.execute(
            "update trn_request_metadata set status = status + 1, email_address = %s where request_id = %s",
            (f"{self.chance.randrange(1000)}@example.com", self._one(self.requests)),
        )

    def _rekey_request(self, source: psycopg.Connection) -> None:
        new = f"{self.number}-{self.chance.randrange(60)}"
        source.execute(
            "update trn_request_metadata set request_id = %(new)s where request_id = %(old)s and not exists"
            " (select from trn_request_metadata as other where other.request_id = %(new)s)",
            {"new": new, "old": self._one(self.requests)},
        )
        self.requests.append(new)

    def _drop_request(self, source: psycopg.Connection) -> None:
        source.execute("delete from trn_request_metadata where request_id = %s", (self._one(self.requests),))

    def _establish(self, source: psycopg.Connection) -> None:
        for number in range(self.chance.randrange(1, 6)):
            values = {"la_code": "330", "establishment_code": f"{number:04d}", "employers_name": "A school"}
            insert(source, "tps_establishments", {"tps_establishment_id": self._key(), **values})

    def _truncate(self, source: psycopg.Connection) -> None:
        # Short locks: two writers that want it after other tables' rows would wait for each other.
        source.execute("set local lock_timeout = '50ms'")
        source.execute("truncate tps_establishments")

    def _large(self) -> str:
        # Random, so that it does not shrink and goes out of line.
        return self.chance.randbytes(self.chance.choice((1_500, 3_000, 9_000))).hex()

    def _one(self, keys: list[Any]) -> Any:
        return self.chance.choice(keys[-40:]) if keys else None


class Load:
    """Writers in threads. A source that goes away is waited for; any other error ends the drill.

    Args:
        connect: opens a session at the source, wherever it is by then.
        seed, load: decide every transaction of every writer; what order they come in is the machine's.
        pause: seconds between two transactions of a writer.
    """

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection],
        user: uuid.UUID,
        seed: int,
        load: int,
        writers: int = 2,
        pause: float = 0.01,
    ) -> None:
        self._connect = connect
        self._pause = pause
        self._stop = threading.Event()
        self._committed = [0] * writers
        self._failures: list[BaseException] = []
        self._threads = [
            threading.Thread(
                target=self._write,
                args=(Writer(random.Random(f"{seed}-{load}-{n}"), user, load * 10 + n), n),
                name=f"writer-{n}",
                daemon=True,
            )
            for n in range(writers)
        ]

    @property
    def transactions(self) -> int:
        """How many were ended by now."""
        return sum(self._committed)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def wait_for(self, transactions: int) -> None:
        """Wait until so many more were made."""
        wanted = self.transactions + transactions
        while self.transactions < wanted and not self._failures and any(t.is_alive() for t in self._threads):
            self._stop.wait(0.01)
        self._raise()

    def stop(self) -> None:
        """Let each writer end its transaction, and raise what went wrong in any."""
        self._stop.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(60)
                assert not thread.is_alive(), f"{thread.name} does not end"
        self._raise()

    def _raise(self) -> None:
        if self._failures:
            raise self._failures[0]

    def _write(self, writer: Writer, number: int) -> None:
        connection: psycopg.Connection | None = None
        while not self._stop.is_set():
            try:
                if connection is None or connection.closed:
                    connection = self._connect()
                writer.transaction(connection)
                self._committed[number] += 1
            except (psycopg.errors.DeadlockDetected, psycopg.errors.LockNotAvailable):
                # Somebody emptied a table, or altered one; the transaction was taken back.
                continue
            except (psycopg.OperationalError, psycopg.InterfaceError, psycopg.Rollback, DatabaseUnreachable):
                # A rollback that could not be sent comes through, too.
                if connection is not None:
                    connection.close()
                connection = None
                self._stop.wait(0.1)
            except BaseException as error:  # noqa: BLE001 - told to the drill's thread
                self._failures.append(error)
                return
            self._stop.wait(self._pause)
        if connection is not None:
            connection.close()
