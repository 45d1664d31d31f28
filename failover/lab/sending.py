"""Traffic from the place `sender`: started, stopped at the end of a letter, never left behind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from failover.errors import StepFailed
from failover.lab.lab import Lab

STOP_S = 40.0  # longer than the sender waits for a final reply


@dataclass(frozen=True, slots=True)
class Sending:
    """One sender program; its log lies beside its complaints."""

    process: subprocess.Popen[Any]
    log: Path

    @classmethod
    def start(cls, lab: Lab, log: Path, rates: Mapping[str, float], *, seed: int) -> Sending:
        """`rates`: messages a second by host."""
        targets = [f"{host}={lab.address(host)},{rate:g}" for host, rate in rates.items()]
        argv = [sys.executable, "-m", "failover.lab.traffic", "--log", str(log), "--seed", str(seed), *targets]
        with log.with_suffix(".err").open("w") as complaints:
            process = lab.popen("sender", argv, stdin=subprocess.DEVNULL, stdout=complaints, stderr=complaints)
        return cls(process, log)

    def stop(self) -> None:
        """Open letters are finished first. Raises StepFailed if the program did not end well."""
        self.process.terminate()
        try:
            code = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait(5)
        if code != 0:
            said = self.log.with_suffix(".err").read_text(errors="replace").strip()[-400:]
            raise StepFailed(
                f"the sender ended with {code}: {said}", try_="its log may lack letters that were taken on"
            )
