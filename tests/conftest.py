"""No test may meet a fault of ours unnoticed: behind the fence it would read as "unknown", and nothing would fail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from failover import fence
from tests.examples import examples

settings.register_profile(
    "any machine", max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")  # hypothesis would fail a test because the machine is slow


LONGEST = (
    *("test_run", "test_wirings_smtp", "test_wirings_pipes", "test_wirings_files", "test_wirings_unusual"),
    *("test_debts", "test_dns", "test_exactly_once", "test_faults_at_events", "test_restart", "test_route53"),
)
"""Files of 4 to 10 minutes on a lab, measured: they begin first, for all wait for what ends last."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {name: n for n, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(LONGEST)))


@pytest.fixture(autouse=True)
def no_fault_of_ours(request: pytest.FixtureRequest) -> Iterator[None]:
    fence.forget()
    yield
    told = fence.told()
    fence.forget()
    assert not told or request.node.get_closest_marker("faults")
