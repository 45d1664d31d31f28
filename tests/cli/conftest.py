"""The front door over a simulated world: each test module says which `world`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from failover.cli import main, wiring
from failover.cli.options import Options
from failover.runs.service import Runs
from failover.world.ports import ports
from failover.world.world import World


class Said(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Said]


@pytest.fixture
def cli(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    @contextmanager
    def controller(opts: Options, *, remembers: bool = False) -> Iterator[Runs]:
        yield Runs(ports(world), world.store)

    monkeypatch.setattr(wiring, "controller", controller)

    def run(*words: str) -> Said:
        with pytest.raises(SystemExit) as e:
            main(list(words))
        said = capsys.readouterr()
        assert isinstance(e.value.code, int)
        return Said(e.value.code, said.out, said.err)

    return run
