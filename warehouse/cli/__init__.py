"""The command line. Thin: each module parses, calls a stage and prints; what a command does lives in the stages."""
