"""The figures of many nights: a table per class and per sort, times, the failing nights. Text, or values for JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

from tests.judge.classes import CLASSES
from tests.judge.grade import Verdict
from tests.judge.night import OURS, Night
from tests.judge.truth import Sort

WORST = (Verdict.HARMFUL, Verdict.SILENT, Verdict.NEEDLESS, Verdict.MISLED, Verdict.PAGED, Verdict.PAGE, Verdict.LATE)
EACH = 4
"""Failing nights named per class."""


def text(nights: Sequence[Night]) -> str:
    ours = [n for n in nights if n.player == OURS]
    parts = [_classes(ours), "", _sorts(ours), "", _times(ours)]
    others = [n for n in nights if n.player != OURS]
    if others:
        parts += ["", "beside it, on the same nights", _contestants(others)]
    parts += ["", "failing nights", *_failing(ours)]
    return "\n".join(parts)


def values(nights: Sequence[Night]) -> dict[str, Any]:
    ours = [n for n in nights if n.player == OURS]
    others = sorted({n.player for n in nights} - {OURS})
    return {
        "nights": len(ours),
        "classes": {name: _counts(of) for name, of in _by_class(ours).items()},
        "sorts": {sort.value: _counts(_of(ours, sort)) for sort in Sort},
        "total": _counts(ours),
        "cured_median_s": _median(s for n in ours for s in n.grade.cured),
        "moved_median_s": _median(s for n in ours for s in n.grade.moved),
        "pages_per_quiet_hour": _quiet(ours),
        "naive": {who: _counts([n for n in nights if n.player == who]) for who in others},
        "failing": [
            {"class": n.name, "seed": n.seed, "verdict": n.grade.verdict.value, "why": n.grade.why, "story": n.story}
            for n in _bad(ours)
        ],
    }


def _counts(nights: Iterable[Night]) -> dict[str, int]:
    found = Counter(n.grade.verdict.value for n in nights)
    return {"nights": sum(found.values()), **{v.value: found[v.value] for v in Verdict}}


# Tables -------------------------------------------------------------------------


def _row(what: str, counts: dict[str, int], more: str = "") -> str:
    total = counts["nights"]
    right = f"{100 * counts['right'] / total:8.1f}" if total else "       -"
    rest = "".join(f"{counts[v.value] or '·':>11}" for v in Verdict if v is not Verdict.RIGHT)
    return f"{what:<28}{total:>6}{right}{rest}{more}".rstrip()


HEAD = f"{'':<28}{'n':>6}{'right%':>8}" + "".join(
    f"{v.value.replace('needless page', 'page'):>11}" for v in Verdict if v is not Verdict.RIGHT
)


def _classes(ours: Sequence[Night]) -> str:
    lines = [HEAD + "  median s to act, to page"]
    for sort in Sort:
        lines.append(f"-- {sort.value}")
        for name, of in _by_class(_of(ours, sort)).items():
            acted = _median(s for n in of for s in (*n.grade.cured, *n.grade.moved))
            paged = _median(n.grade.paged for n in of if n.grade.paged is not None and sort is not Sort.LIFE)
            lines.append(_row(name, _counts(of), f"  {_s(acted):>6} {_s(paged):>6}"))
    return "\n".join(lines)


def _sorts(ours: Sequence[Night]) -> str:
    rows = [_row(sort.value, _counts(_of(ours, sort))) for sort in Sort]
    return "\n".join((HEAD, *rows, _row("all", _counts(ours))))


def _times(ours: Sequence[Night]) -> str:
    cured = [s for n in ours for s in n.grade.cured]
    moved = [s for n in ours for s in n.grade.moved]
    quiet, hours = _of(ours, Sort.LIFE), sum(n.grade.hours for n in _of(ours, Sort.LIFE))
    cost = sum(n.cost_s for n in ours)
    return (
        f"from the begin to the act, median: {_s(_median(cured))} s for a cure in place ({len(cured)}), "
        f"{_s(_median(moved))} s for a move ({len(moved)})\n"
        f"pages in an hour of normal life: {_quiet(ours):.3f} ({sum(n.grade.pages for n in quiet)} in {hours:.0f} h)\n"
        f"{cost:.0f} s of one core, {cost / max(1, len(ours)):.1f} s a night"
    )


def _contestants(others: Sequence[Night]) -> str:
    lines = [HEAD]
    for who in dict.fromkeys(n.player for n in others):
        lines.append(_row(who, _counts([n for n in others if n.player == who])))
    return "\n".join(lines)


def _failing(ours: Sequence[Night]) -> Iterable[str]:
    for name, of in _by_class(_bad(ours)).items():
        for n in of[:EACH]:
            yield f"{name} --seed {n.seed}: {n.grade.verdict.value}; {n.grade.why}"
            yield f"    {n.story}"
        if len(of) > EACH:
            yield f"    and {len(of) - EACH} more: seeds {', '.join(str(n.seed) for n in of[EACH:][:20])}"


# Small ones ---------------------------------------------------------------------


def _bad(ours: Sequence[Night]) -> list[Night]:
    """The worst first, then by class."""
    place = list(CLASSES)
    bad = [n for n in ours if n.grade.verdict is not Verdict.RIGHT]
    return sorted(bad, key=lambda n: (place.index(n.name), WORST.index(n.grade.verdict), n.seed))


def _by_class(nights: Iterable[Night]) -> dict[str, list[Night]]:
    found: dict[str, list[Night]] = {}
    for n in nights:
        found.setdefault(n.name, []).append(n)
    return {name: found[name] for name in CLASSES if name in found}


def _of(nights: Iterable[Night], sort: Sort) -> list[Night]:
    return [n for n in nights if CLASSES[n.name].sort is sort]


def _quiet(ours: Sequence[Night]) -> float:
    life = _of(ours, Sort.LIFE)
    return sum(n.grade.pages for n in life) / max(1e-9, sum(n.grade.hours for n in life)) if life else 0.0


def _median(seconds: Iterable[float | None]) -> float | None:
    known = [s for s in seconds if s is not None]
    return median(known) if known else None


def _s(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.0f}"
