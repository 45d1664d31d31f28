"""Where a store's tests keep their state, and other processes that use it: fixtures and helpers."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from failover.adapters.store import SqlStore
from failover.ports import Store
from failover.world.store import MemoryStore

PATIENCE_S = 120.0
"""A new interpreter takes its time on a busy machine; what hangs for ever is found all the same."""
_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A server of our own behind a socket in its own folder; skipped where there is none to start."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        pytest.skip("no PostgreSQL server under /usr/lib/postgresql")
    bin_ = programs[-1].parent
    user = "postgres" if os.geteuid() == 0 else None  # initdb refuses root
    folder = Path(tempfile.mkdtemp(prefix="failover-pg-"))
    if user:
        shutil.chown(folder, user)

    def do(*command: str) -> None:
        subprocess.run(command, user=user, check=True, timeout=60, stdout=subprocess.DEVNULL, cwd="/")

    data, options = f"{folder}/data", f"-F -k {folder} -c listen_addresses=''"
    do(f"{bin_}/initdb", "-D", data, "-U", "failover", "-A", "trust", "--no-sync")
    do(f"{bin_}/pg_ctl", "-D", data, "-w", "-l", f"{folder}/log", "-o", options, "start")
    try:
        yield f"postgresql+psycopg://failover@/{{}}?host={folder}"
    finally:
        do(f"{bin_}/pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder)


def new_url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of that kind."""
    if kind == "sqlite":
        return f"sqlite:///{tmp_path}/state.db"
    import psycopg

    server: str = request.getfixturevalue("postgresql")
    with psycopg.connect(server.format("postgres").replace("+psycopg", ""), autocommit=True) as conn:
        name = f"t{next(_numbers)}"
        conn.execute(f"CREATE DATABASE {name}".encode())
    return server.format(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return new_url(request.param, request, tmp_path)


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    one = SqlStore.open_url(url)
    yield one
    one.close()


# Other processes ------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgresql", "simulated"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """The durable store over both databases, and the simulated world's, which must not differ."""
    if request.param == "simulated":
        yield MemoryStore()
        return
    one = SqlStore.open_url(new_url(request.param, request, tmp_path))
    yield one
    one.close()


_clean = multiprocessing.get_context("forkserver")
_clean.set_forkserver_preload([__name__, "sqlalchemy.dialects.sqlite", "psycopg"])


@contextmanager
def process(does: Callable[..., None], *args: Any, child: bool = False) -> Iterator[tuple[BaseProcess, Connection]]:
    """Another process, so that pid, start time and connections are its own; it talks over a pipe.

    It is a fork of one that has imported all and opened nothing. `child`: our own one, to be stopped or killed.
    """
    context = multiprocessing.get_context("spawn") if child else _clean
    here, there = context.Pipe()
    other = context.Process(target=does, args=(there, *args), daemon=True)
    other.start()
    there.close()
    try:
        yield other, here
    finally:
        other.kill()
        other.join(PATIENCE_S)
        here.close()


def hear(pipe: Connection) -> Any:
    assert pipe.poll(PATIENCE_S), "the other process says nothing"
    return pipe.recv()
