"""A controller that stands still right after it recorded an event, until it is told to go on, or killed.

`python -m tests.scenarios.halting KIND STEP WORDS...` is `failover WORDS` that prints `halted RUN` and stops itself
(SIGSTOP) once the first event KIND is durable: STEP's own, or one that is of the run.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from failover import cli
from failover.adapters.store import SqlStore


def main(kind: str, step: str, words: list[str]) -> None:
    real = SqlStore.append

    def append(self: SqlStore, lease: Any, done: Any, of: str | None, data: Any, **at: Any) -> Any:
        event = real(self, lease, done, of, data, **at)
        if done == kind and of in {None, step}:
            print("halted", lease.run, flush=True)  # noqa: T201  what whoever halts it reads
            setattr(SqlStore, "append", real)  # noqa: B010  mypy lets no method be assigned to
            os.kill(os.getpid(), signal.SIGSTOP)
        return event

    setattr(SqlStore, "append", append)  # noqa: B010
    sys.argv = ["failover", *words]
    cli.main()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
