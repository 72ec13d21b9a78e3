"""Benchmarks: commands of their own, not run by `make test`. They print ratios; times depend on the machine."""
