"""Observing: what works and what does not, told as findings with the next command."""

from warehouse.observe.doctor import Check, Finding, examine

__all__ = ["Check", "Finding", "examine"]
