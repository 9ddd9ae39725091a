"""Measure the check of answers: true statements it flags, and false ones it catches."""
