"""Laws of moving a preference: nothing is lost, the target comes first, and ours alone is taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from failover.core.mx import MxMode, MxSet, NoMove, Standing, exchange, mx_set, parse, prefer, standing, taken_back

NAMES = [f"mx{n}.example.net." for n in range(5)]
records = st.tuples(st.integers(0, 40), st.sampled_from(NAMES))
sets = st.builds(MxSet, st.integers(0, 86_400), st.frozensets(records, min_size=1, max_size=8))
moves = st.sampled_from([MxMode.OVERLAY, MxMode.SWAP, MxMode.WEIGHTED])
LAB = mx_set(60, [(10, "mx1.lab.test"), (20, "mx2.lab.test")])


def moved(now: MxSet, target: str, mode: MxMode) -> MxSet:
    """The move, or no example where it is refused."""
    try:
        return prefer(now, target, mode, names=NAMES[2:], new=True)
    except NoMove:
        assume(False)
        raise


@given(sets, st.sampled_from(NAMES), moves)
def test_every_name_is_kept_and_the_ttl(now: MxSet, target: str, mode: MxMode) -> None:
    after = moved(now, target, mode)
    assert after.names >= now.names
    assert after.ttl == now.ttl
    if mode is not MxMode.SWAP:
        assert after.targets >= now.targets, "only swap rewrites a record"


@given(sets, st.sampled_from(NAMES), st.sampled_from([MxMode.OVERLAY, MxMode.SWAP]))
def test_the_target_comes_first_and_alone(now: MxSet, target: str, mode: MxMode) -> None:
    after = moved(now, target, mode)
    assert after.first == {target}
    assert prefer(after, target, mode) == after, "and again changes nothing"


@given(sets, st.sampled_from(NAMES))
def test_overlay_is_one_record_more(now: MxSet, target: str) -> None:
    assert len(moved(now, target, MxMode.OVERLAY).targets - now.targets) == (now.first != {target})


@given(sets, st.sampled_from(NAMES), moves)
def test_taken_back_it_is_what_it_was(now: MxSet, target: str, mode: MxMode) -> None:
    after = moved(now, target, mode)
    assume(after != now)
    assert standing(now, before=now, want=after) is Standing.BEFORE
    assert standing(after, before=now, want=after) is Standing.WANTED
    assert taken_back(after, before=now, want=after) == now


@given(sets, st.sampled_from(NAMES), moves, st.integers(0, 99), st.integers(0, 86_400), st.data())
def test_what_others_edit_meanwhile_is_kept(
    now: MxSet, target: str, mode: MxMode, preference: int, ttl: int, data: st.DataObject
) -> None:
    after = moved(now, target, mode)
    came, went = after.targets - now.targets, now.targets - after.targets
    assume(came)
    theirs = (preference, "theirs.example.net.")
    gone = data.draw(st.sampled_from(sorted(after.targets - came) or [theirs]))
    edited = MxSet(ttl, (after.targets | {theirs}) - {gone} | {theirs})

    assert standing(edited, before=now, want=after) is Standing.WANTED
    left = taken_back(edited, before=now, want=after)
    assert left.ttl == ttl
    assert theirs in left.targets
    assert left.targets - now.targets == edited.targets - came - now.targets
    assert left.targets >= (edited.targets - came) | went
    assert standing(left, before=now, want=after) is Standing.BEFORE


@given(sets, st.sampled_from(NAMES), moves, st.data())
def test_an_undo_takes_no_name_away_that_was_there_before(
    now: MxSet, target: str, mode: MxMode, data: st.DataObject
) -> None:
    after = moved(now, target, mode)
    came, went = after.targets - now.targets, now.targets - after.targets
    assume(came)
    others = sorted(after.targets - came)
    edited = replace(
        after, targets=after.targets - data.draw(st.sets(st.sampled_from(others)) if others else st.just(set()))
    )
    assume(came != edited.targets or edited.names & now.names)  # else nobody would be left, and it is refused
    left = taken_back(edited, before=now, want=after)
    assert left.names >= now.names & edited.names
    put_back = left.targets - ((edited.targets - came) | went)
    assert put_back <= now.targets, "an old record, or none"
    assert not {name for _, name in put_back} & {name for _, name in (edited.targets - came) | went}, "and no more"
    assert standing(left, before=now, want=after) is Standing.BEFORE


@pytest.mark.parametrize(
    ("mode", "before", "removed", "left"),
    [
        (MxMode.OVERLAY, [(10, "mx1"), (20, "mx2")], [(20, "mx2")], [(10, "mx1"), (20, "mx2")]),
        (MxMode.OVERLAY, [(10, "mx1"), (20, "mx2")], [(10, "mx1"), (20, "mx2")], [(20, "mx2")]),
        (MxMode.SWAP, [(10, "mx1"), (20, "mx2"), (30, "mx2")], [(30, "mx2")], [(10, "mx1"), (20, "mx2")]),
        (MxMode.WEIGHTED, [(10, "mx1"), (20, "a"), (20, "b")], [(20, "a")], [(10, "mx1"), (20, "a"), (20, "b")]),
    ],
)
def test_the_old_record_of_a_name_comes_back_with_the_undo(
    mode: MxMode, before: list[tuple[int, str]], removed: list[tuple[int, str]], left: list[tuple[int, str]]
) -> None:
    """Removed by somebody who took it for a double of ours."""
    old, gone, wanted = ([(p, f"{n}.lab.test") for p, n in r] for r in (before, removed, left))
    now = mx_set(60, old)
    want = prefer(now, "mx2.lab.test", mode, names=("a.lab.test", "b.lab.test"))
    edited = replace(want, targets=want.targets - mx_set(60, gone).targets)
    assert taken_back(edited, before=now, want=want) == mx_set(60, wanted)


@given(sets)
def test_the_text_is_the_whole_of_it(mx: MxSet) -> None:
    assert parse(mx.text) == mx
    assert parse(MxSet(5, frozenset()).text).targets == frozenset()


def test_our_record_edited_is_neither_before_nor_wanted() -> None:
    want = prefer(LAB, "mx2.lab.test", MxMode.OVERLAY)
    edited = replace(LAB, targets=LAB.targets | {(5, "mx2.lab.test.")})
    assert standing(edited, before=LAB, want=want) is Standing.OTHER
    half = replace(LAB, targets=frozenset({(10, "mx2.lab.test."), (20, "mx2.lab.test.")}))
    assert standing(half, before=LAB, want=prefer(LAB, "mx2.lab.test", MxMode.SWAP)) is Standing.OTHER


def test_a_ttl_stands_for_itself() -> None:
    short = replace(LAB, ttl=30)
    more = mx_set(30, [(5, "mx3.lab.test")])
    assert standing(more, before=LAB, want=short) is Standing.WANTED
    assert taken_back(more, before=LAB, want=short) == replace(more, ttl=60)
    assert standing(replace(LAB, ttl=45), before=LAB, want=short) is Standing.OTHER


def test_the_last_record_is_never_taken_back() -> None:
    want = prefer(LAB, "mx3.lab.test", MxMode.OVERLAY, new=True)
    alone = mx_set(60, [(9, "mx3.lab.test")])
    with pytest.raises(NoMove, match="would leave no MX at all"):
        taken_back(alone, before=LAB, want=want)


@pytest.mark.parametrize(
    ("now", "target", "mode", "because"),
    [
        (mx_set(60, []), "mx2.lab.test", MxMode.OVERLAY, "there are no MX records"),
        (mx_set(60, [(0, ".")]), "mx2.lab.test", MxMode.OVERLAY, "takes no mail"),
        (LAB, ".", MxMode.OVERLAY, "would refuse all mail"),
        (LAB, "192.0.2.12", MxMode.OVERLAY, "is an address"),
        (LAB, "2001:db8::12", MxMode.OVERLAY, "is an address"),
        (LAB, "mx3.lab.test", MxMode.OVERLAY, "mx3.lab.test is not among the MX names"),
        (
            mx_set(60, [(0, "mx1.lab.test"), (20, "mx2.lab.test")]),
            "mx2.lab.test",
            MxMode.OVERLAY,
            "no better preference",
        ),
        (
            mx_set(60, [(10, "mx1.lab.test"), (10, "mx2.lab.test")]),
            "mx2.lab.test",
            MxMode.SWAP,
            "among the best already",
        ),
        (LAB, "mx2.lab.test", MxMode.WEIGHTED, "two names or more"),
    ],
)
def test_what_must_not_be_done_is_refused_in_words(now: MxSet, target: str, mode: MxMode, because: str) -> None:
    with pytest.raises(NoMove, match=because) as e:
        prefer(now, target, mode)
    assert e.value.instead


def test_no_headroom_says_what_to_publish() -> None:
    tight = mx_set(60, [(0, "mx1.lab.test"), (10, "mx2.lab.test")])
    with pytest.raises(NoMove) as e:
        prefer(tight, "mx2.lab.test", MxMode.OVERLAY)
    assert "100 mx1.lab.test, 110 mx2.lab.test" in e.value.instead


def test_weighted_needs_more_names_than_the_best_has() -> None:
    two = mx_set(60, [(10, "mx1.lab.test"), (10, "mx3.lab.test"), (20, "mx2.lab.test")])
    with pytest.raises(NoMove, match="no more than half"):
        prefer(two, "mx2.lab.test", MxMode.WEIGHTED, names=["mx2a.lab.test", "mx2b.lab.test"], new=True)
    after = prefer(LAB, "mx2.lab.test", MxMode.WEIGHTED, names=["mx2a.lab.test", "mx2b.lab.test"], new=True)
    assert after.first == {"mx1.lab.test.", "mx2a.lab.test.", "mx2b.lab.test."}


@pytest.mark.parametrize("odd", ["", "a b.example.net", "mx_.example..net", "x" * 64 + ".example.net", "a\n.b.net"])
def test_what_is_no_name_is_refused(odd: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words differ
        exchange(odd)


def test_names_are_absolute_and_lower_case() -> None:
    assert mx_set(60, [(10, "MX1.Lab.Test"), (20, "mx2.lab.test.")]) == LAB
    assert str(LAB) == "10 mx1.lab.test, 20 mx2.lab.test"
