"""Fuzzing of the real engine with thousands of damaged files: `python -m tests.faults.fuzz --count 1000 --seed 1`."""
