"""Replication: PostgreSQL's own logical replication, with its own first copy, typed history and a ledger round it."""

from warehouse.replicate.classification import Classification, NewColumns, load_classification
from warehouse.replicate.guard.status import Status, status
from warehouse.replicate.run import replicate

__all__ = ["Classification", "NewColumns", "Status", "load_classification", "replicate", "status"]
