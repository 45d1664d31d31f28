"""No test may meet a fault of ours unnoticed: behind the fence it would read as "unknown", and nothing would fail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from failover import fence


@pytest.fixture(autouse=True)
def no_fault_of_ours(request: pytest.FixtureRequest) -> Iterator[None]:
    fence.forget()
    yield
    told = fence.told()
    fence.forget()
    assert not told or request.node.get_closest_marker("faults")
