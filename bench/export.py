"""Exports: each extract's file, and its check, against reading the same rows with COPY."""

from __future__ import annotations

from datetime import timedelta

from psycopg import sql

from bench.measure import Aim, Figure, timing
from warehouse.core.contracts import Contract, load_contracts
from warehouse.core.databases import Databases
from warehouse.core.progress import Progress, Silent
from warehouse.deliver.basis import find_basis
from warehouse.deliver.check import check_files
from warehouse.deliver.edition import Edition
from warehouse.deliver.extract import extract
from warehouse.deliver.outbox import Outbox
from warehouse.deliver.periods import Month


def export_speed(databases: Databases, progress: Progress) -> list[Figure]:
    """For each contract: the limit, the file, and its check by Great Expectations; the library's import by itself."""
    today = databases.today()
    last_day = today.replace(day=1) - timedelta(days=1)
    period = Month.parse(f"{last_day:%Y-%m}")
    with timing() as importing:
        import great_expectations  # noqa: F401, PLC0415 - once for all deliveries of a run, whatever their size

    figures = [Figure("export", "Great Expectations, its import, once a run", importing.seconds, 0)]
    with databases.warehouse() as connection:
        basis = find_basis(connection, today, databases.calendar(), by_the_clock=False)
    # A contract of days has a few rows in each file, and each of several is made as one alone: their speed is that
    # of the others.
    for contract in (one for one in load_contracts() if one.period_column is None and not one.parts):
        topic = f"export {contract.recipient}/{contract.name} ({contract.format.kind})"
        progress.say(topic)
        limit = _copy_to_nowhere(databases, contract, topic)
        outbox = Outbox(databases.settings.warehouse_home, f"bench/{contract.recipient}")
        outbox.make_empty()
        with databases.warehouse() as connection, timing() as writing:
            made = extract(connection, Edition(contract, period), basis, outbox, Silent(), lambda _step: None)
        paths = [(outbox.path(file.base_name), file) for file in made.files]
        with timing() as checking:
            check_files(contract, paths, Silent())
        outbox.clear()
        figures += [
            limit,
            Figure(topic, "the file", writing.seconds, made.rows, writing.seconds / limit.seconds, limit.what),
            Figure(
                topic,
                "its check",
                checking.seconds,
                made.rows,
                checking.seconds / limit.seconds,
                limit.what,
                aims=(Aim("its check, to making the file", checking.seconds / writing.seconds, "at most", 1.5),),
            ),
        ]
    return figures


def _copy_to_nowhere(databases: Databases, contract: Contract, topic: str) -> Figure:
    """The limit: the server writes the rows to nowhere as CSV."""
    listed = sql.SQL(", ").join(sql.Identifier(column.name) for column in contract.columns)
    key = sql.SQL(", ").join(map(sql.Identifier, contract.sort_key))
    query = sql.SQL("copy (select {} from {} order by {}) to stdout (format csv)").format(
        listed, sql.Identifier("extracts", contract.model), key
    )
    rows = 0
    with databases.warehouse() as connection, timing() as watch, connection.cursor().copy(query) as copy:
        for _ in copy:
            rows += 1
    return Figure(topic, "COPY TO STDOUT, rows thrown away (the limit)", watch.seconds, rows)
