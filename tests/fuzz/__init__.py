"""Fuzzing: mutated projects and mutated media through the commands; `make fuzz` runs it, docs in `__main__`."""
