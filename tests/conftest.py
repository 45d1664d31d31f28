"""No test may meet a fault of ours unnoticed: behind the fence it would read as "unknown", and nothing would fail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from failover import fence

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")  # hypothesis would fail a test because the machine is slow


@pytest.fixture(autouse=True)
def no_fault_of_ours(request: pytest.FixtureRequest) -> Iterator[None]:
    fence.forget()
    yield
    told = fence.told()
    fence.forget()
    assert not told or request.node.get_closest_marker("faults")
