"""Measure a search: question files, metrics, reports, calibration and benchmarks."""
