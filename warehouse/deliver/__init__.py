"""The delivery stage: contract-checked extracts to their recipients, each delivered once, with proof.

`deliver` does what is owed, `what_is_due` lists it; `redo` and `decide` carry out what a person decided; `verify` reads
back what was sent. All else serves these.
"""

from warehouse.deliver.contract_versions import check_agreed, examine_contracts
from warehouse.deliver.due import Owed, due
from warehouse.deliver.health import examine_deliveries, examine_destinations
from warehouse.deliver.pipeline import decide, deliver, redo, what_is_due
from warehouse.deliver.proof import differing, show, verify
from warehouse.deliver.report import DeliveredFile, DeliveryReport, missed
from warehouse.deliver.run import World
from warehouse.deliver.states import State
from warehouse.deliver.world import world_of

__all__ = [
    "DeliveredFile",
    "DeliveryReport",
    "Owed",
    "State",
    "World",
    "check_agreed",
    "decide",
    "deliver",
    "differing",
    "due",
    "examine_contracts",
    "examine_deliveries",
    "examine_destinations",
    "missed",
    "redo",
    "show",
    "verify",
    "what_is_due",
    "world_of",
]
