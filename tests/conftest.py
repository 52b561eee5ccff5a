"""What holds for every test: time is no property of an example, the machine may be busy with something else."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("upwell", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("upwell")
