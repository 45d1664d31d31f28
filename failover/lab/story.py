"""The story of a drill: each event with its time, and the output of the real commands, indented."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from failover.errors import OutcomeUnknown, StepFailed
from failover.lab.lab import Lab, slack

INDENT = " " * 9


@dataclass(frozen=True, slots=True)
class Story:
    """`line` takes each line; `began` is of time.monotonic(); `slack` multiplies time-outs."""

    line: Callable[[str], None]
    began: float = field(default_factory=time.monotonic)
    marks: dict[str, float] = field(default_factory=dict)
    slack: float = field(default_factory=slack)

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.began

    def say(self, what: str, *, mark: str | None = None) -> None:
        """`mark`: a word for the plot's time axis."""
        if mark is not None:
            self.marks[mark] = self.elapsed
        self.line(f"{f'+{self.elapsed:.1f} s':<8} {what}")

    def show(self, text: str) -> None:
        for each in text.splitlines():
            self.line(f"{INDENT}{each}".rstrip())

    def failover(self, lab: Lab, *words: str, limit: float, quiet: bool = False) -> tuple[int, str]:
        """
        Run `failover WORDS` at the controller and show its output as it comes. Returns its exit code and output.
        Raises OutcomeUnknown after `limit` seconds.
        """
        if not quiet:
            self.say(f"$ failover {' '.join(words)}")
        ours = lab.popen(
            "controller",
            ["failover", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={"PYTHONUNBUFFERED": "1"},
        )
        late = threading.Event()

        def end() -> None:
            late.set()
            ours.kill()

        limit *= self.slack
        timer = threading.Timer(limit, end)
        timer.start()
        said: list[str] = []
        try:
            for each in ours.stdout or ():
                said.append(each)
                if not quiet:
                    self.show(each)
            code = ours.wait(5)
        finally:
            timer.cancel()
            ours.kill()
            if ours.stdout is not None:
                ours.stdout.close()
        if late.is_set():
            raise OutcomeUnknown(f"`failover {words[0]}` took over {limit:g} s", try_="look at what it printed last")
        return code, "".join(said)

    def until(self, done: Callable[[], bool], what: str, *, within: float) -> None:
        """Wait for a condition, at most `within` seconds. Raises StepFailed, which names it."""
        within *= self.slack
        deadline = time.monotonic() + within
        while not done():
            if time.monotonic() > deadline:
                raise StepFailed(f"{what}: not within {within:g} s", try_="read what came before in the drill")
            time.sleep(0.1)
