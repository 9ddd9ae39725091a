"""What holds for every test."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# How fast a busy machine draws examples says nothing about the code: tests that time something do so themselves.
settings.register_profile("magpie", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("magpie")
