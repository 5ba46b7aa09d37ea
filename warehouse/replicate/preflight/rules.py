"""The rules of preflight. Pure: facts in, findings out.

A set-up has to pass EVERY rule; commands on a replica that exists choose those that they rest on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from warehouse.core.errors import (
    ClassificationError,
    MissingPrivilege,
    ReplicationError,
    SetupError,
    SourceNotReady,
    WalLevelNotLogical,
)
from warehouse.core.finding import Finding, failed, ok, warning
from warehouse.core.ours import some
from warehouse.core.postgres.binaries import OLDEST
from warehouse.replicate.catalog.commit_times import are_off
from warehouse.replicate.catalog.identity import remedy
from warehouse.replicate.preflight.facts import Facts, Source
from warehouse.replicate.preflight.rights import no_more_than_needed

Rule = Callable[[Facts], Iterable[Finding]]

SYNCED_SLOTS = 17
"""From this version on a server can keep logical slots on its standbys by itself."""


def examine(facts: Facts, rules: Sequence[Rule]) -> list[Finding]:
    """What the rules find, in their order."""
    return [found for rule in rules for found in rule(facts)]


# -- the operational database ----------------------------------------------------------------------------------------


def version(facts: Facts) -> Iterator[Finding]:
    major = facts.source.version // 10_000
    if major < OLDEST:
        yield failed(
            "source version",
            f"The operational database runs PostgreSQL {major}; column lists came with {OLDEST}: an older server would "
            "send every column, credentials too.",
            f"Upgrade it to PostgreSQL {OLDEST} or later, then run again.",
            SourceNotReady,
        )
    else:
        yield ok("source version", f"PostgreSQL {major}")


def encoding(facts: Facts) -> Iterator[Finding]:
    if facts.source.encoding == "SQL_ASCII":
        yield failed(
            "source encoding",
            "The operational database has the encoding SQL_ASCII: which letters its bytes are is not known, and the "
            "first that is no UTF-8 would stop the stream.",
            "Have it moved into a database with its real encoding (pg_dump --encoding, CREATE DATABASE … ENCODING "
            "'UTF8'), then run again.",
            SourceNotReady,
        )
    else:
        yield ok("source encoding", facts.source.encoding)


def wal_level(facts: Facts) -> Iterator[Finding]:
    level = facts.source.settings.get("wal_level")
    if level != "logical":
        yield failed(
            "wal_level",
            f"The operational database has wal_level = {level}; logical replication needs logical.",
            "As its administrator: ALTER SYSTEM SET wal_level = logical; restart it (on Azure: server parameter "
            "wal_level = LOGICAL), then run again.",
            WalLevelNotLogical,
        )
    else:
        yield ok("wal_level", "logical")


def primary(facts: Facts) -> Iterator[Finding]:
    if not facts.source.is_standby:
        yield ok("primary", "the server takes writes")
        return
    decodes = (
        "It could be streamed from, but it takes neither a publication nor a mark of a position"
        if facts.source.version >= 160_000
        else "Before version 16 a standby cannot be streamed from at all"
    )
    yield failed(
        "primary",
        f"The operational database is a standby. {decodes}.",
        "Let TRS_DATABASE_URL lead to the primary, then run again.",
        SourceNotReady,
    )


def may_replicate(facts: Facts) -> Iterator[Finding]:
    role = facts.source.role
    if facts.source.may_replicate:
        yield ok("right to replicate", role)
    else:
        yield failed(
            "right to replicate",
            f"The user {role} may not replicate from the operational database.",
            f'As its administrator: ALTER ROLE "{role}" REPLICATION; then run again.',
            MissingPrivilege,
        )


def has_tables(facts: Facts) -> Iterator[Finding]:
    if not facts.source.tables:
        yield failed(
            "replicated tables",
            "The operational database has none of the tables that replication/trs.yml replicates.",
            "Check TRS_DATABASE_URL. Without it, `warehouse run` makes the sandbox's.",
            ClassificationError,
        )
    else:
        yield ok("replicated tables", f"{len(facts.source.tables)} tables")


def readable(facts: Facts) -> Iterator[Finding]:
    if facts.source.unreadable:
        yield failed(
            "right to read",
            f"The user {facts.source.role} may not read every published column of {some(facts.source.unreadable)}.",
            "Have its administrator run the column grants that `warehouse replicate sql` prints (a grant on whole "
            "tables would let it read credentials), then run again.",
            MissingPrivilege,
        )
    else:
        yield ok("right to read", f"every published column of {len(facts.source.tables)} tables")


def every_row(facts: Facts) -> Iterator[Finding]:
    """The WAL carries every row, so a user who reads only some of them would see the others as deleted."""
    role = facts.source.role
    if facts.source.filtered:
        yield failed(
            "row security",
            f"Row security hides rows of {some(facts.source.filtered)} from the user {role}.",
            f'As its administrator: ALTER ROLE "{role}" BYPASSRLS; then run again.',
            MissingPrivilege,
            meaning="Rows that are hidden would count as deleted. Nothing was read, compared or changed.",
        )
    else:
        yield ok("row security", "hides no row of the replicated tables")


def published(facts: Facts) -> Iterator[Finding]:
    source = facts.source
    if source.publication and source.publication.is_exactly(facts.wanted):
        yield ok("publication", f"sends {len(facts.wanted)} tables as they are classified")
        return
    state = "is out of date" if source.publication else "does not exist yet"
    reason = None
    if source.read_only:
        reason = f"the user {source.role} is read-only (default_transaction_read_only)"
    elif source.unowned:
        reason = f"the user {source.role} does not own {some(source.unowned)}"
    elif source.publication and not source.publication_owner:
        reason = f"the user {source.role} does not own it"
    elif not source.publication and not source.may_create:
        reason = f"the user {source.role} may not create anything in that database"
    if reason is None:
        yield ok("publication", f"{state}; the next run will {'update' if source.publication else 'create'} it")
        return
    yield failed(
        "publication",
        f"The publication {state}, and {reason}.",
        "Have the administrator run what `warehouse replicate sql` prints, then run again.",
        MissingPrivilege,
    )


def slots(facts: Facts) -> Iterator[Finding]:
    yield _room(facts.source, "max_replication_slots", facts.source.slots, "slots")


def senders(facts: Facts) -> Iterator[Finding]:
    yield _room(facts.source, "max_wal_senders", facts.source.senders, "senders")


def _room(source: Source, setting: str, used: int, noun: str) -> Finding:
    most = source.number(setting)
    if most is None or source.our_slot:
        return ok(noun, "ours is among them")
    free = most - used
    if free <= 0:
        return failed(
            noun,
            f"The operational database has none of its {most} {setting} left.",
            f"As its administrator: raise {setting} and restart it, or drop an unused slot (pg_replication_slots "
            "lists them), then run again.",
            SourceNotReady,
        )
    if free == 1:
        return warning(
            noun,
            f"Only one of {most} {setting} is left: a repair after a lost slot needs one more for a moment.",
            f"As its administrator: raise {setting} at the next restart.",
        )
    return ok(noun, f"{free} of {most} free")


def identities(facts: Facts) -> Iterator[Finding]:
    """A replica identity that the column list does not cover makes the source's own updates fail."""
    found = False
    for table, identity in facts.source.tables.items():
        columns = set(facts.wanted.get(table, ()))
        fault = identity.fault(columns)
        generated = [column for column in identity.generated if column in columns]
        if fault:
            yield failed(f"identity of {table}", f"{table}: {fault}.", remedy(table), ReplicationError)
        elif generated:
            yield failed(
                f"generated columns of {table}",
                f"{table}.{generated[0]} is a generated column, and a column list of that server may not name it.",
                f"Give {table}.{generated[0]} `replicate: false` in replication/trs.yml.",
                ReplicationError,
            )
        found = found or bool(fault or generated)
    if not found:
        yield ok("replica identities", f"{len(facts.source.tables)} tables, each identified by published columns")


def failover(facts: Facts) -> Iterator[Finding]:
    """What a failover would do to our slot. Nothing is required: a server without standbys is in order."""
    source = facts.source
    lost = (
        "After a failover the slot is lost: the warehouse notices before it applies a row, and `warehouse replicate "
        "repair` closes the gap"
    )
    if source.version // 10_000 < SYNCED_SLOTS:
        yield ok("failover", f"{lost} (before version {SYNCED_SLOTS} slots are not kept on standbys).")
    elif source.standbys == 0:
        yield ok("failover", "no standby reads this server, so there is nothing to fail over to")
    elif source.settings.get("synchronized_standby_slots"):
        yield ok("failover", "standbys are ahead of logical slots (synchronized_standby_slots)")
    else:
        yield warning(
            "failover",
            f"{lost}.",
            "To keep the slot over a failover: sync_replication_slots = on at the standbys and "
            "synchronized_standby_slots at the operational database.",
        )


def kept_wal(facts: Facts) -> Iterator[Finding]:
    megabytes, budget = facts.source.number("max_slot_wal_keep_size"), facts.budget_bytes
    if megabytes is None or megabytes < 0:
        yield warning(
            "WAL kept for slots",
            "There is no limit (max_slot_wal_keep_size = -1): if the warehouse stays away, the source's disk fills up.",
            f"As its administrator: set max_slot_wal_keep_size; WAREHOUSE_WAL_BUDGET_GB is {budget / 1e9:,.0f}.",
        )
        return
    limit = megabytes * 2**20
    if limit < budget:
        yield warning(
            "WAL kept for slots",
            f"The source drops our slot's WAL beyond {limit / 1e9:,.1f} GB (max_slot_wal_keep_size), less than the "
            f"budget of {budget / 1e9:,.1f} GB.",
            "Have it raised, or lower WAREHOUSE_WAL_BUDGET_GB; after a loss `warehouse replicate repair`.",
        )
    else:
        yield ok("WAL kept for slots", f"up to {limit / 1e9:,.1f} GB")


def idle(facts: Facts) -> Iterator[Finding]:
    # In seconds from version 18 on.
    seconds = facts.source.number("idle_replication_slot_timeout")
    if seconds:
        yield warning(
            "idle slots",
            f"The source drops slots that have not been read for {seconds:,} s (idle_replication_slot_timeout).",
            "Keep `warehouse replicate watch` running, or have it set to 0; after a loss `warehouse replicate repair`.",
        )
    else:
        yield ok("idle slots", "are kept")


def decoding_memory(facts: Facts) -> Iterator[Finding]:
    kilobytes = facts.source.number("logical_decoding_work_mem")
    if kilobytes is not None and kilobytes < 16 * 1024:
        yield warning(
            "decoding memory",
            f"logical_decoding_work_mem is {kilobytes:,} kB: transactions beyond it are written to the source's disk.",
            "As its administrator: ALTER SYSTEM SET logical_decoding_work_mem = '64MB'; reload.",
        )
    else:
        yield ok("decoding memory", f"{(kilobytes or 0) // 1024:,} MB")


# -- the warehouse ---------------------------------------------------------------------------------------------------


def warehouse_version(facts: Facts) -> Iterator[Finding]:
    if facts.warehouse.version < OLDEST * 10_000:
        yield failed(
            "warehouse version",
            f"The warehouse runs PostgreSQL {facts.warehouse.version // 10_000}; {OLDEST} or later is needed.",
            "Upgrade it, then run again.",
            SetupError,
        )


def commit_times(facts: Facts) -> Iterator[Finding]:
    if facts.warehouse.settings.get("track_commit_timestamp") != "on":
        error = are_off()
        kind = type(error) if facts.warehouse.has_begun else SetupError
        yield failed("commit times", error.what, error.next_command, kind, error.meaning)


def warehouse_encoding(facts: Facts) -> Iterator[Finding]:
    if facts.warehouse.encoding != "UTF8":
        yield failed(
            "warehouse encoding",
            f"The warehouse's database has the encoding {facts.warehouse.encoding}: a letter that it does not have "
            "would stop the stream.",
            "As its administrator: CREATE DATABASE warehouse ENCODING 'UTF8' TEMPLATE template0; set "
            "WAREHOUSE_DATABASE_URL to it, then run again.",
            SetupError,
        )


def subscription(facts: Facts) -> Iterator[Finding]:
    warehouse = facts.warehouse
    if warehouse.ours:
        yield ok("warehouse", "has our subscription")
        return
    if not warehouse.may_subscribe:
        yield failed(
            "right to subscribe",
            f"The warehouse's user {warehouse.role} may not make a subscription.",
            "As its administrator: GRANT pg_create_subscription TO the user (before version 16: make it a superuser).",
            MissingPrivilege,
        )
    # Origins had no setting of their own before version 18.
    origins = "max_active_replication_origins" if warehouse.version >= 180_000 else "max_replication_slots"
    for setting, used in (
        ("max_logical_replication_workers", warehouse.workers),
        ("max_worker_processes", warehouse.workers),
        (origins, warehouse.origins),
    ):
        most = warehouse.number(setting)
        if most is not None and used >= most:
            yield failed(
                f"warehouse {setting}",
                f"The warehouse's server has none of its {most} {setting} left.",
                f"As its administrator: raise {setting} and restart it, then run again.",
                SetupError,
            )
        else:
            yield ok(f"warehouse {setting}", f"{used} of {most} used")


ROOM = (slots, senders)
"""For a further slot at the source, if only for a moment."""

TO_READ = (readable, every_row)
"""For a command that reads the source's rows."""

TO_STREAM = (version, wal_level, may_replicate, *TO_READ, commit_times)
"""For a command that lets the stream of an existing replica run."""

EVERY: tuple[Rule, ...] = (
    version,
    encoding,
    wal_level,
    primary,
    may_replicate,
    has_tables,
    readable,
    no_more_than_needed,
    every_row,
    published,
    *ROOM,
    identities,
    failover,
    kept_wal,
    idle,
    decoding_memory,
    warehouse_version,
    commit_times,
    warehouse_encoding,
    subscription,
)
"""For a set-up, in the order in which a person would correct what they find."""
