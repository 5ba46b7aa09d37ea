"""The books of a pass: what was applied gets its times, goes from the log into the history, and what is past goes."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg

from warehouse.replicate import transactions
from warehouse.replicate.classification import Classification
from warehouse.replicate.epochs import Epoch
from warehouse.replicate.history.retention import apply_retention
from warehouse.replicate.history.settle import settle


def catch_up(
    connection: psycopg.Connection, epoch: Epoch, classification: Classification, origin: str
) -> transactions.Stamped:
    """Stamp the transactions that were applied since the last pass, settle their versions, keep the retention rule.

    Args:
        origin: the subscription's replication origin, by which its transactions are known.

    Returns:
        What was applied since the last pass. Calling it twice does no harm.
    """
    schema, tables = classification.schema_name, list(classification.published)
    stamped = transactions.stamp(connection, epoch, schema, tables, origin)
    settle(connection, schema, tables)
    apply_retention(connection, classification.keep_years, datetime.now(UTC))
    return stamped
