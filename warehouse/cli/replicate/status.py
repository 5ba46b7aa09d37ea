"""`warehouse replicate status`."""

from __future__ import annotations

from datetime import timedelta

import typer

from warehouse.cli.findings import print_findings
from warehouse.cli.opening import started
from warehouse.cli.output import JsonOption, out, print_json, print_table, size, styled
from warehouse.replicate import Status, status


def show_status(json: bool = JsonOption) -> None:
    """Show the state of replication: reasons, lag, WAL retained at the source, tables.

    Exit code 0: streaming or quiet. Otherwise that of the first reason: 18 the stream is off, 50 slot lost or a gap to
    repair, 51 slot taken, 52 source went back, 53 publication altered, 54 replica altered by hand, 55 clocks disagree,
    56 a row cannot be applied, 57 stuck, 58 too much WAL retained, 59 rows are missing in the replica. The others are
    in docs/exit-codes.md.
    """
    now = status(started())
    if json:
        print_json(now.as_dict())
    else:
        _print(now)
    if now.exit_code:
        raise typer.Exit(now.exit_code)


def _print(now: Status) -> None:
    rows = sum(table["rows"] for table in now.tables)
    out.print("Replication is ", styled(now.state, "bold"), ".")
    print_findings(now.reasons, named=False)
    if now.epoch is None:
        return
    behind = "" if now.lag_seconds is None else f", at most {_span(now.lag_seconds)}"
    out.print(f"  epoch {now.epoch}, slot {now.slot}, since {now.since}")
    newest = "the stream has not brought any change yet"
    if now.last_commit_at:
        newest = f"the newest applied change was committed at {now.last_commit_at}"
    out.print(f"  {size(now.lag_bytes)} behind{behind}; {newest}")
    out.print(f"  the source retains {size(now.retained_bytes)} of WAL for it, of {size(now.budget_bytes)} allowed")
    if left := _left(now):
        out.print(f"  {left}")
    out.print(f"  {now.transactions:,} transactions; {len(now.tables)} tables, about {rows:,} rows")
    print_table(None, ["table", "rows", "earlier versions"], [tuple(t.values()) for t in now.tables])


def _left(now: Status) -> str:
    if now.seconds_until_full is None or now.wal_bytes_per_second is None:
        return ""
    return (
        f"the source writes {size(int(now.wal_bytes_per_second))} a second, so an outage may last "
        f"{_span(now.seconds_until_full)}"
    )


def _span(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds > 30 * 86_400:
        return "more than 30 days"
    return str(timedelta(seconds=round(seconds)))
