"""Erasure: one person is removed from everywhere, and a record stays that it was done, without saying who."""

from warehouse.erase.rules import Rules, load_rules
from warehouse.erase.stage import Erasure, Survey, erase, survey
from warehouse.erase.subject import Subject

__all__ = ["Erasure", "Rules", "Subject", "Survey", "erase", "load_rules", "survey"]
