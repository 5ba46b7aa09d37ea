"""`warehouse replicate …`: the replica. One file for each command."""

from __future__ import annotations

from collections.abc import Callable

import typer

from warehouse.cli.replicate.apply import apply_drift
from warehouse.cli.replicate.check_migration import check_file
from warehouse.cli.replicate.classes import show_classes
from warehouse.cli.replicate.clocks import show_clocks
from warehouse.cli.replicate.conflicts import show_conflicts
from warehouse.cli.replicate.drift import show_drift
from warehouse.cli.replicate.preflight import show_preflight
from warehouse.cli.replicate.reconcile import reconcile_content
from warehouse.cli.replicate.repair import repair_gap
from warehouse.cli.replicate.reset import reset
from warehouse.cli.replicate.retention import retention
from warehouse.cli.replicate.run import run_stage
from warehouse.cli.replicate.secrets import scan_for_secrets
from warehouse.cli.replicate.skip import skip
from warehouse.cli.replicate.source import show_source
from warehouse.cli.replicate.sql import show_sql
from warehouse.cli.replicate.status import show_status
from warehouse.cli.replicate.watch import watch

app = typer.Typer(help="Replication of the operational database: set up, watch, compare, repair.", no_args_is_help=True)
_PANELS: dict[str, dict[str, Callable[..., None]]] = {
    "Run and watch": {"preflight": show_preflight, "run": run_stage, "status": show_status, "watch": watch},
    "Compare and repair": {
        "reconcile": reconcile_content,
        "repair": repair_gap,
        "conflicts": show_conflicts,
        "skip": skip,
        "clocks": show_clocks,
        "source": show_source,
    },
    "When the source changes": {
        "drift": show_drift,
        "apply": apply_drift,
        "sql": show_sql,
        "check-migration": check_file,
    },
    "What may be read": {"classes": show_classes},
    "What is kept": {"secrets": scan_for_secrets, "retention": retention, "reset": reset},
}
for _panel, _commands in _PANELS.items():
    for _name, _command in _commands.items():
        app.command(_name, rich_help_panel=_panel)(_command)
