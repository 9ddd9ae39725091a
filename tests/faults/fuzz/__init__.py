"""Thousands of damaged files through the real engine: `python -m tests.faults.fuzz --count 1000 --seed 1`."""
