"""The engine: one subpackage per stage, and what the stages share in core."""
