"""Letters posted from `sender`, and the account: did of each exactly that come what is usual of its kind?"""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Self

from failover.lab import Lab
from tests.labs import ledger
from tests.scenarios.posting import KINDS, LOCAL, content
from tests.scenarios.wiring_rows import Row

POSTING = Path(__file__).with_name("posting.py")

Shape = Counter[tuple[str, str, str, int]]
"""What the handler was given of one letter: (sender, recipient, digest of the body, signatures), how often."""


class Post:
    """`letters`: number → (kind, outcome). `usual`: what comes of each kind while all is well."""

    def __init__(self, lab: Lab, row: Row) -> None:
        self.lab, self.row, self.tag = lab, row, f"{row.wiring}.{time.time_ns():x}"
        self.letters: dict[str, tuple[str, str]] = {}
        self.usual: dict[str, Shape] = {}
        self._count = itertools.count(1)
        argv = [sys.executable, "-P", str(POSTING), lab.address("mx1")]
        self._process = lab.popen("sender", argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def post(self, stage: str, *kinds: str) -> list[str]:
        """One of each kind and one of the host's own; or one of `kinds`. By turns in the session that stays open and
        in a new one. Returns the numbers of those accepted."""
        began = len(self.letters)
        for port in self.row.ports:
            for kind in kinds or self.row.kinds:
                n = next(self._count)
                self._one(f"{self.tag}-{stage}-{n}", kind, port, "long" if n % 2 else "new")
        if not kinds:
            self._local(f"{self.tag}-{stage}-{next(self._count)}")
        return [seq for seq, (_, outcome) in list(self.letters.items())[began:] if outcome == "accepted"]

    def _one(self, seq: str, kind: str, port: int, how: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{seq} {kind} {port} {how}\n")
        answered = self._process.stdout.readline().split()
        assert answered[:1] == [seq], f"{seq}: {answered}"
        self.letters[seq] = kind, answered[1]

    def _local(self, seq: str) -> None:
        config = self.row.postfix.get("config_dir", "/etc/postfix")
        letter = content(seq, LOCAL).decode().replace("\r\n", "\n")
        self.lab.run("mx1", ["sendmail", "-C", config, "-oi", "-f", LOCAL.sender, *LOCAL.to], timeout=60, input=letter)
        self.letters[seq] = "local", "accepted"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Whatever happened, and where a thread still reads: it reads the end."""
        with self._process:
            self._process.kill()

    def came(self) -> dict[str, Shape]:
        came: dict[str, Shape] = {seq: Counter() for seq in list(self.letters)}
        for line in ledger(self.lab):
            if line["x_seq"] in came:
                came[line["x_seq"]].update((line["from"], to, line["sha256"], line["signatures"]) for to in line["to"])
        return came

    def whole(self, seqs: list[str]) -> bool:
        """Each of these came to all recipients of its envelope. A letter between two queues is seen in neither."""
        came = self.came()
        wanted = {seq: (KINDS | {"local": LOCAL})[self.letters[seq][0]].to for seq in seqs}
        return all(set(wanted[seq]) <= {to for _, to, *_ in came[seq]} for seq in seqs)

    def learn(self, seqs: list[str]) -> None:
        """These came while all was well: all letters of a kind alike."""
        came = self.came()
        for seq in seqs:
            kind = self.letters[seq][0]
            assert self.usual.setdefault(kind, came[seq]) == came[seq], (kind, self.usual[kind], came[seq])

    def missing(self, seqs: list[str]) -> list[str]:
        came = self.came()
        return [seq for seq in seqs if self.usual[self.letters[seq][0]] - came[seq]]

    def balance(self) -> dict[str, str]:
        """Each letter of which something else came than is due, and what. Nothing is due of one that was not accepted;
        one without an answer may have come."""
        wrong = {}
        for seq, came in self.came().items():
            kind, outcome = self.letters[seq]
            due = self.usual[kind]
            allowed: dict[str, list[Shape]] = {"accepted": [due], "refused": [Counter()], "unknown": [Counter(), due]}
            if came not in allowed[outcome]:
                wrong[seq] = f"{outcome}: lost {dict(due - came)}, too much {dict(came - due)}"
        return wrong
