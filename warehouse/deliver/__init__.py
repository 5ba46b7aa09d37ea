"""The delivery stage: contract-checked extracts to their recipients, each delivered once, with proof.

`deliver` does what is owed, `what_is_due` lists it; `redo`, `decide` and `release` carry out what a person decided;
`verify` reads back what was sent, `difference` compares two of them, and `recreate` makes one again from history;
`dry_run` makes what would be sent, and sends nothing. All else serves these.
"""

from warehouse.deliver.breach import RowOfFile
from warehouse.deliver.comparison import Difference, difference
from warehouse.deliver.contract_fit import check_fit
from warehouse.deliver.contract_versions import check_agreed, examine_contracts
from warehouse.deliver.dry_run import DryRun, dry_run
from warehouse.deliver.due import Owed, due
from warehouse.deliver.health import examine_deliveries, examine_destinations, examine_fit_of_contracts
from warehouse.deliver.pipeline import decide, deliver, is_earlier, redo, release, what_is_due
from warehouse.deliver.proof import differing, show, verify
from warehouse.deliver.recreate import recreate
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
