"""Compare and swap against a real BIND: what it refuses, what a lost answer means, and that no edit is ever lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from failover.core.mx import MxSet, mx_set
from failover.dns.rfc2136 import Rfc2136
from failover.dns.rfc2136_zone import Rfc2136Zone
from failover.errors import Changed, ConfigError, FailoverError, OutcomeUnknown, Refused, Unreachable
from failover.lab import Lab
from tests.adapters.lab_net import Line, inside

pytestmark = pytest.mark.lab
LAB = mx_set(60, [(10, "mx1.lab.test"), (20, "mx2.lab.test")])
MORE = mx_set(60, [(9, "mx2.lab.test"), *LAB.targets])
NAME = "lab.test"


class Scene:
    """The lab's zone from its controller; put back afterwards."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.secret = lab, (lab.folder / "tsig").read_text().strip()
        self.at = Rfc2136(lab.address("ns1"), 53, "failover", f"file:{lab.folder}/tsig")
        self.zone = Rfc2136Zone(self.at)

    def through(self, line: Line, patience_s: float = 5.0) -> Rfc2136Zone:
        return Rfc2136Zone(replace(self.at, server="127.0.0.1", port=line.port), patience_s=patience_s)

    def mx(self) -> MxSet:
        return inside(self.lab, "controller", lambda: self.zone.mx(NAME))

    def swap(self, zone: Rfc2136Zone, expected: MxSet = LAB, wanted: MxSet = MORE) -> None:
        inside(self.lab, "controller", lambda: zone.swap(NAME, expected=expected, wanted=wanted))

    def fails(self, zone: Rfc2136Zone, kind: type[FailoverError], **sets: MxSet) -> FailoverError:
        with pytest.raises(kind) as e:
            self.swap(zone, **sets)
        assert type(e.value) is kind
        assert e.value.try_
        assert self.secret not in f"{e.value!r} {e.value.try_} {zone!r} {e.getrepr(showlocals=True)}"
        return e.value


@pytest.fixture
def scene(lab: Lab) -> Iterator[Scene]:
    ours = Scene(lab)
    assert ours.mx() == LAB
    yield ours
    if (left := ours.mx()) != LAB:
        ours.swap(ours.zone, left, LAB)


@pytest.fixture
def line(scene: Scene) -> Iterator[Line]:
    ours = inside(scene.lab, "controller", lambda: Line(scene.lab.address("ns1")))
    yield ours
    ours.close()


def test_swapped_and_repeated_and_back(scene: Scene) -> None:
    scene.swap(scene.zone)
    assert scene.mx() == MORE
    scene.swap(scene.zone)  # once more: it is found done
    scene.swap(scene.zone, MORE, LAB)
    assert scene.mx() == LAB


@pytest.mark.parametrize("wrong", [MORE, mx_set(60, [(10, "mx1.lab.test")]), replace(LAB, ttl=300)])
def test_what_is_not_as_expected_is_not_written_over(scene: Scene, wrong: MxSet) -> None:
    wanted = mx_set(60, [(5, "mx2.lab.test")])
    said = str(scene.fails(scene.zone, Changed, expected=wrong, wanted=wanted))
    assert wrong.text in said
    assert LAB.text in said
    assert scene.mx() == LAB


def test_an_edit_between_our_read_and_our_write_is_refused_by_the_primary(scene: Scene) -> None:
    theirs = mx_set(60, [(15, "mx1.lab.test"), *LAB.targets])
    said = str(scene.fails(meddled(scene, theirs), Changed))
    assert theirs.text in said
    assert scene.mx() == theirs


def test_an_earlier_request_of_ours_that_arrives_right_before_the_next_is_found_done(scene: Scene) -> None:
    scene.swap(meddled(scene, MORE))
    assert scene.mx() == MORE


def meddled(scene: Scene, to: MxSet) -> Rfc2136Zone:
    """A zone that somebody edits right after it was read, and before it is written."""

    class Meddled(Rfc2136Zone):
        __slots__ = ()

        def _update(self, *args: Any) -> Any:
            scene.zone.swap(NAME, expected=LAB, wanted=to)
            return super()._update(*args)

    return Meddled(scene.at)


def test_an_empty_set_is_never_written(scene: Scene) -> None:
    scene.fails(scene.zone, Refused, wanted=MxSet(60, frozenset()))
    assert scene.mx() == LAB


@pytest.mark.parametrize(
    ("changes", "kind", "words", "what_to_try"),
    [
        ({"key_name": "other"}, Refused, "BADKEY", "key_name"),
        ({"key": "env:WRONG_KEY"}, Refused, "BADSIG", "env:WRONG_KEY"),
        ({"algorithm": "hmac-sha512"}, Refused, "BADKEY", "hmac-sha512"),
        ({"key": None, "key_name": None}, Refused, "REFUSED", "key_name, key"),
        ({"key": "env:NO_BASE64"}, ConfigError, "not base64", "tsig-keygen"),
        ({"server": "10.77.0.11"}, Unreachable, "refused", "take TCP"),
    ],
)
def test_trouble_with_the_key_is_named(
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str],
    kind: type[FailoverError],
    words: str,
    what_to_try: str,
) -> None:
    monkeypatch.setenv("WRONG_KEY", "d3Jvbmc=")
    monkeypatch.setenv("NO_BASE64", "¡no!")
    e = scene.fails(Rfc2136Zone(replace(scene.at, **changes)), kind)  # type: ignore[arg-type]
    assert words in str(e)
    assert what_to_try in e.try_
    assert scene.mx() == LAB


def test_a_clock_that_is_wrong_is_named(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    monkeypatch.setattr("time.time", lambda: real() + 900)
    assert "BADTIME" in str(scene.fails(scene.zone, Refused))
    monkeypatch.undo()


def test_a_server_that_is_not_the_primary_changes_nothing(scene: Scene) -> None:
    """ns2 has a copy of the zone and no key of ours."""
    scene.fails(Rfc2136Zone(replace(scene.at, server=scene.lab.address("ns2"))), Refused)
    assert scene.mx() == LAB


@pytest.mark.parametrize(("lost", "patience_s"), [("answer", 5.0), ("silence", 0.5)])
def test_done_though_its_answer_was_lost(scene: Scene, line: Line, lost: str, patience_s: float) -> None:
    line.lose = [lost]
    scene.swap(scene.through(line, patience_s))
    assert scene.mx() == MORE


def test_a_key_that_is_gone_when_the_set_is_read_again_unsays_nothing(
    scene: Scene, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """safety 3, its siblings: after the update was sent, no error on our side says that it was not."""
    monkeypatch.setenv("TSIG_FOR_NOW", scene.secret)
    zone = scene.through(line)
    zone = replace(zone, at=replace(zone.at, key="env:TSIG_FOR_NOW"))
    line.lose = ["answer"]
    with pytest.raises(OutcomeUnknown):
        inside(
            scene.lab,
            "controller",
            lambda: zone.swap(NAME, expected=LAB, wanted=MORE, check_lease=lambda: monkeypatch.delenv("TSIG_FOR_NOW")),
        )
    assert scene.mx() == MORE


def test_lost_before_it_arrived_is_unknown_to_us(scene: Scene, line: Line) -> None:
    line.lose = ["request"]
    scene.fails(scene.through(line), OutcomeUnknown)
    assert scene.mx() == LAB


def test_a_request_that_arrives_late_overwrites_nobody(scene: Scene, line: Line) -> None:
    line.lose = ["late"]
    scene.fails(scene.through(line), OutcomeUnknown)
    theirs = mx_set(60, [(30, "mx1.lab.test"), *LAB.targets])
    scene.swap(scene.zone, LAB, theirs)
    line.late.set()
    assert line.arrived.wait(10)
    assert scene.mx() == theirs


def test_repeated_after_a_request_that_was_only_late_it_is_done_once(scene: Scene, line: Line) -> None:
    line.lose = ["late"]
    scene.fails(scene.through(line), OutcomeUnknown)
    line.late.set()
    assert line.arrived.wait(10)
    scene.swap(scene.through(line))
    assert scene.mx() == MORE


def test_two_writers_at_once_lose_nothing_and_the_set_is_never_empty(scene: Scene) -> None:
    """Each adds and removes a record of its own, by reading, swapping, and doing so again when it was refused."""
    rounds, refused, seen = 40, [0, 0], set[MxSet]()
    over = threading.Event()

    def writer(n: int) -> Callable[[], None]:
        mine = (30 + n, "mx1.lab.test.")

        def write() -> None:
            for i in range(rounds):
                add, done = i % 2 == 0, False
                while not done:
                    now = scene.zone.mx(NAME)
                    assert (mine in now.targets) is not add, "an edit of ours was lost"
                    targets = now.targets | {mine} if add else now.targets - {mine}
                    try:
                        scene.zone.swap(NAME, expected=now, wanted=replace(now, targets=targets))
                        done = True
                    except Changed:
                        refused[n] += 1

        return write

    def watch() -> None:
        while not over.is_set():
            seen.add(scene.zone.mx(NAME))

    def all_three() -> None:
        errors: list[BaseException] = []

        def kept(do: Callable[[], None]) -> Callable[[], None]:
            def run() -> None:
                try:
                    do()
                except BaseException as e:
                    errors.append(e)

            return run

        threads = [threading.Thread(target=kept(writer(n))) for n in (0, 1)]
        watcher = threading.Thread(target=kept(watch))
        for t in (*threads, watcher):
            t.start()
        for t in threads:
            t.join(60)
        over.set()
        watcher.join(10)
        if errors:
            raise errors[0]

    inside(scene.lab, "controller", all_three)
    assert sum(refused) > 0, "they met"
    assert scene.mx() == LAB
    assert all(LAB.targets <= mx.targets for mx in seen)
