"""The delivery stage: contract-checked extracts to their recipients, each delivered once, with proof.

`deliver` does what is owed, `what_is_due` lists it; `redo`, `decide` and `release` carry out what a person decided;
`verify` reads back what was sent, `difference` compares two of them, and `recreate` makes one again from history;
`dry_run` makes what would be sent, and sends nothing. All else serves these.

A name is loaded when it is first asked for: PyArrow takes 40 MB, and not all that is done here needs it. So no module
has the name of what is listed below.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from warehouse.deliver.breach import RowOfFile
    from warehouse.deliver.comparison import Difference, difference
    from warehouse.deliver.contract_fit import check_fit
    from warehouse.deliver.contract_versions import check_agreed, examine_contracts
    from warehouse.deliver.dry_runs import DryRun, dry_run
    from warehouse.deliver.health import examine_deliveries, examine_destinations, examine_fit_of_contracts
    from warehouse.deliver.owed import Owed, due
    from warehouse.deliver.pipeline import decide, deliver, is_earlier, redo, release, what_is_due
    from warehouse.deliver.proof import differing, show, verify
    from warehouse.deliver.recreations import recreate
    from warehouse.deliver.report import DeliveredFile, DeliveryReport, missed
    from warehouse.deliver.states import State
    from warehouse.deliver.world import World, world_of

__all__ = [
    "DeliveredFile",
    "DeliveryReport",
    "Difference",
    "DryRun",
    "Owed",
    "RowOfFile",
    "State",
    "World",
    "check_agreed",
    "check_fit",
    "decide",
    "deliver",
    "difference",
    "differing",
    "dry_run",
    "due",
    "examine_contracts",
    "examine_deliveries",
    "examine_destinations",
    "examine_fit_of_contracts",
    "is_earlier",
    "missed",
    "recreate",
    "redo",
    "release",
    "show",
    "verify",
    "what_is_due",
    "world_of",
]

_MODULES: Final = {
    "DeliveredFile": "report",
    "DeliveryReport": "report",
    "Difference": "comparison",
    "DryRun": "dry_runs",
    "Owed": "owed",
    "RowOfFile": "breach",
    "State": "states",
    "World": "world",
    "check_agreed": "contract_versions",
    "check_fit": "contract_fit",
    "decide": "pipeline",
    "deliver": "pipeline",
    "difference": "comparison",
    "differing": "proof",
    "dry_run": "dry_runs",
    "due": "owed",
    "examine_contracts": "contract_versions",
    "examine_deliveries": "health",
    "examine_destinations": "health",
    "examine_fit_of_contracts": "health",
    "is_earlier": "pipeline",
    "missed": "report",
    "recreate": "recreations",
    "redo": "pipeline",
    "release": "pipeline",
    "show": "proof",
    "verify": "proof",
    "what_is_due": "pipeline",
    "world_of": "world",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return found
