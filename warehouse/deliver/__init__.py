"""The delivery stage: contract-checked extracts to their recipients, each delivered once, with proof.

`deliver` does what is owed, `what_is_due` tells it. Everything else in here serves these two.
"""

from warehouse.deliver.due import Owed, due
from warehouse.deliver.pipeline import deliver, what_is_due
from warehouse.deliver.report import DeliveredFile, DeliveryReport
from warehouse.deliver.states import State

__all__ = ["DeliveredFile", "DeliveryReport", "Owed", "State", "deliver", "due", "what_is_due"]
