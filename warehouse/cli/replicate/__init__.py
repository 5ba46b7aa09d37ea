"""`warehouse replicate …`: the replica. One file for each command."""

from __future__ import annotations

import typer

from warehouse.cli.replicate.apply import apply_drift
from warehouse.cli.replicate.check_migration import check_file
from warehouse.cli.replicate.clocks import show_clocks
from warehouse.cli.replicate.conflicts import show_conflicts
from warehouse.cli.replicate.drift import show_drift
from warehouse.cli.replicate.preflight import show_preflight
from warehouse.cli.replicate.reconcile import reconcile_content
from warehouse.cli.replicate.repair import repair_gap
from warehouse.cli.replicate.reset import reset
from warehouse.cli.replicate.retention import retention
from warehouse.cli.replicate.run import run_stage
from warehouse.cli.replicate.skip import skip
from warehouse.cli.replicate.source import show_source
from warehouse.cli.replicate.sql import show_sql
from warehouse.cli.replicate.status import show_status
from warehouse.cli.replicate.watch import watch

app = typer.Typer(help="The replica of the operational database.", no_args_is_help=True)
app.command("preflight")(show_preflight)
app.command("status")(show_status)
app.command("watch")(watch)
app.command("conflicts")(show_conflicts)
app.command("skip")(skip)
app.command("run")(run_stage)
app.command("drift")(show_drift)
app.command("apply")(apply_drift)
app.command("repair")(repair_gap)
app.command("reconcile")(reconcile_content)
app.command("sql")(show_sql)
app.command("check-migration")(check_file)
app.command("clocks")(show_clocks)
app.command("source")(show_source)
app.command("retention")(retention)
app.command("reset")(reset)
