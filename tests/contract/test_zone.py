"""What a DNS provider's zone promises (`ports.DnsZone`), asked of each: never without MX, nobody's edit written over,
and what a lost answer means. What is special to one stands in its own file (`tests/adapters/`)."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from failover.core.mx import MxSet, mx_set
from failover.dns.powerdns import PowerDns
from failover.errors import Changed, OutcomeUnknown, Refused
from tests.contract.zones import DONE, MORE, NOT_DONE, THEIRS, TWO, Place, fails, swap

LAB = {"rfc2136", "powerdns"}


def at(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("place", [_row(name) for name in names], indirect=True)


def ways(of: Mapping[str, tuple[str, ...]]) -> pytest.MarkDecorator:
    rows = [_row(name, how) for name, each in of.items() for how in each]
    return pytest.mark.parametrize(("place", "how"), rows, indirect=["place"])


def _row(name: str, *more: str) -> Any:
    return pytest.param(name, *more, marks=pytest.mark.lab if name in LAB else ())


everywhere = at("rfc2136", "powerdns", "route53")


@everywhere
def test_swapped_and_repeated_and_back(place: Place) -> None:
    swap(place)
    assert place.inside(lambda: place.zone.mx(place.name)) == MORE
    swap(place)  # once more: it is found done
    assert (place.there(), place.changes) == (MORE, 1)
    swap(place, expected=MORE, wanted=replace(TWO, ttl=300))
    assert place.there() == replace(TWO, ttl=300)


@everywhere
@pytest.mark.parametrize("wrong", [MORE, mx_set(60, [(10, "mx1.lab.test")]), replace(TWO, ttl=300)])
def test_what_is_not_as_expected_is_not_written_over(place: Place, wrong: MxSet) -> None:
    said = str(fails(place, Changed, expected=wrong, wanted=mx_set(60, [(5, "mx2.lab.test")])))
    assert wrong.text in said
    assert TWO.text in said
    assert (place.there(), place.changes) == (TWO, 0)


@at("rfc2136", "route53")
@pytest.mark.parametrize("theirs", [THEIRS, replace(TWO, ttl=300), mx_set(60, [(15, "mx1.lab.test")])])
def test_an_edit_between_our_reading_and_our_write_is_refused_there(place: Place, theirs: MxSet) -> None:
    assert theirs.text in str(fails(place, Changed, check_lease=lambda: place.put(theirs)))
    assert place.there() == theirs


@at("powerdns")
def test_where_such_an_edit_is_not_noticed_people_are_told(place: Place) -> None:
    swap(place, check_lease=lambda: place.put(THEIRS))
    assert place.there() == MORE
    assert "compares nothing" in " ".join(PowerDns.notes)


@everywhere
def test_an_earlier_request_of_ours_that_arrives_right_before_the_next_is_found_done(place: Place) -> None:
    swap(place, check_lease=lambda: place.put(MORE))
    assert place.there() == MORE


@everywhere
def test_without_our_lease_nothing_is_sent(place: Place) -> None:
    def taken_over() -> None:
        raise Refused("the lease was taken over", try_="see who has it")

    with pytest.raises(Refused, match="taken over"):
        swap(place, check_lease=taken_over)
    assert (place.there(), place.changes) == (TWO, 0)


@everywhere
def test_an_empty_set_is_never_written(place: Place) -> None:
    fails(place, Refused, wanted=MxSet(60, frozenset()))
    assert (place.there(), place.changes) == (TWO, 0)


@ways(DONE)
def test_done_though_its_answer_was_lost(place: Place, how: str) -> None:
    swap(place, place.losing(how))
    assert (place.there(), place.changes) == (MORE, 1), "and it was not asked for twice"


@ways(NOT_DONE)
def test_lost_before_it_was_carried_out_is_unknown_to_us(place: Place, how: str) -> None:
    fails(place, OutcomeUnknown, place.losing(how))
    assert (place.there(), place.changes) == (TWO, 1)


@everywhere
def test_a_key_that_is_gone_when_the_set_is_read_again_unsays_nothing(place: Place) -> None:
    """safety 3, its siblings: after the change was sent, no error on our side says that it was not."""
    fails(place, OutcomeUnknown, place.losing("answer"), check_lease=place.forgetting())
    assert place.there() == MORE


@everywhere
def test_a_request_that_arrives_late_overwrites_nobody_where_the_server_compares(place: Place) -> None:
    fails(place, OutcomeUnknown, place.losing("late"))
    place.put(THEIRS)
    place.arrive()
    assert place.there() == (THEIRS if place.compares else MORE)


@everywhere
def test_repeated_after_a_request_that_was_only_late_it_is_done_once(place: Place) -> None:
    fails(place, OutcomeUnknown, place.losing("late"))
    place.arrive()
    swap(place)
    assert (place.there(), place.changes) == (MORE, 1)


@at("rfc2136", "route53")
def test_two_writers_at_once_lose_nothing_and_the_set_is_never_empty(place: Place) -> None:
    """Each adds and removes a record of its own, by reading, swapping, and doing so again when it was refused."""
    refused, seen, over = list[Changed](), set[MxSet](), threading.Event()

    def written(mine: tuple[int, str], *, add: bool) -> bool:
        now = place.zone.mx(place.name)
        assert (mine in now.targets) is not add, "an edit of ours was lost"
        targets = now.targets | {mine} if add else now.targets - {mine}
        try:
            place.zone.swap(place.name, expected=now, wanted=replace(now, targets=targets))
        except Changed as e:
            refused.append(e)
            return False
        return True

    def writer(n: int) -> None:
        for i in range(place.rounds):
            while not written((30 + n, "mx1.lab.test."), add=i % 2 == 0):
                pass

    def watch() -> None:
        while not over.wait(0.005):
            seen.add(place.there())

    def all_three() -> None:
        with ThreadPoolExecutor(3) as pool:
            watching, writing = pool.submit(watch), [pool.submit(writer, n) for n in (0, 1)]
            try:
                for each in writing:
                    each.result(120)
            finally:
                over.set()
            watching.result(10)

    place.inside(all_three)
    assert refused or place.rounds < 10, "they met"
    assert place.there() == TWO
    assert all(TWO.targets <= mx.targets for mx in seen)
