"""Replication: PostgreSQL's own logical replication, with its own first copy, typed history and a ledger round it."""

from warehouse.replicate import source
from warehouse.replicate.classification import Classification, NewColumns, load_classification
from warehouse.replicate.stage import replicate
from warehouse.replicate.status import Status, status

__all__ = ["Classification", "NewColumns", "Status", "load_classification", "replicate", "source", "status"]
