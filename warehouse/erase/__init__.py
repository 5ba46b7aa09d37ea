"""Erasure: one person is removed from everywhere, and a record stays that it was done, without saying who."""

from warehouse.erase.returned import Check, accept, check, full_is_due, last_full, register_is_empty
from warehouse.erase.rules import Rules, load_rules
from warehouse.erase.stage import Erasure, Survey, erase, survey
from warehouse.erase.subject import Decided, Subject

__all__ = [
    "Check",
    "Decided",
    "Erasure",
    "Rules",
    "Subject",
    "Survey",
    "accept",
    "check",
    "erase",
    "full_is_due",
    "last_full",
    "load_rules",
    "register_is_empty",
    "survey",
]
