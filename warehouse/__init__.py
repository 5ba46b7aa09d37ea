"""The program: one subpackage per stage, and what the stages share in core."""
