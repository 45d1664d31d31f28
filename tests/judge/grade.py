"""One night's grade: what was done and told, against the truth."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from tests.judge.deeds import Deed
from tests.judge.players import Page, Played
from tests.judge.truth import Sort, Truth


class Verdict(enum.StrEnum):
    RIGHT = "right"
    LATE = "late"
    PAGED = "paged"
    SILENT = "silent"
    PAGE = "needless page"
    MISLED = "misleading"
    NEEDLESS = "needless"
    HARMFUL = "harmful"


@dataclass(frozen=True, slots=True)
class Grade:
    """`cured`, `moved`: seconds from the begin to each wanted act. `waited`: the longest that a message waited."""

    verdict: Verdict
    why: str = ""
    cured: tuple[float, ...] = ()
    moved: tuple[float, ...] = ()
    pages: int = 0
    hours: float = 0.0
    paged: float | None = None
    """Seconds from the begin to the first page."""


def grade(sort: Sort, truth: Truth, played: Played) -> Grade:
    deeds, pages = played.deeds.done, played.pages
    verdict, why = _verdict(sort, truth, deeds, pages)
    first = {w: d.at - truth.begins for w in truth.wanted if (d := truth.first(w, deeds)) is not None}
    mine = _telling(truth, pages)
    return Grade(
        verdict,
        why,
        tuple(s for w, s in first.items() if not w.moves),
        tuple(s for w, s in first.items() if w.moves),
        len(pages),
        truth.ends / 3600,
        mine[0].at - truth.begins if mine else None,
    )


def _verdict(sort: Sort, truth: Truth, deeds: list[Deed], pages: list[Page]) -> tuple[Verdict, str]:
    for deed in deeds:
        if harm := deed.harm or truth.harms(deed):
            return Verdict.HARMFUL, f"{deed.name} {deed.detail}, {deed.at - truth.begins:.0f} s after: {harm}"
    if beside := next((d for d in deeds if not truth.allowed(d)), None):
        return Verdict.NEEDLESS, f"{beside.name} {beside.detail}, {beside.at - truth.begins:.0f} s after"
    return _of_acts(truth, deeds, pages) if sort is Sort.ACT else _of_words(truth, pages)


def _of_acts(truth: Truth, deeds: list[Deed], pages: list[Page]) -> tuple[Verdict, str]:
    missing = [w for w in truth.wanted if truth.first(w, deeds) is None]
    if missing:
        mine, wanted = _telling(truth, pages), f"not done: {' or '.join(missing[0].acts)}"
        said = f"{wanted}; told after {mine[0].at - truth.begins:.0f} s: {mine[0].title}" if mine else wanted
        return (Verdict.PAGED, said) if mine else (Verdict.SILENT, wanted)
    for w in truth.wanted:
        deed = truth.first(w, deeds)
        if deed is not None and deed.at - truth.begins > w.due:
            return Verdict.LATE, f"{deed.name} after {deed.at - truth.begins:.0f} s, due {w.due:.0f} s"
    return _not_too_many(truth, pages)


def _of_words(truth: Truth, pages: list[Page]) -> tuple[Verdict, str]:
    if wrong := next((p for p in pages if any(w in f"{p.title}\n{p.text}" for w in truth.misleads)), None):
        return Verdict.MISLED, f"the page {wrong.title!r} advises what does harm"
    if truth.page_due is None:
        return _not_too_many(truth, pages)
    mine = _telling(truth, pages)
    if not mine:
        return Verdict.SILENT, f"nobody told in {truth.lasts / 60:.0f} min"
    if (after := mine[0].at - truth.begins) > truth.page_due:
        return Verdict.LATE, f"told after {after:.0f} s, due {truth.page_due:.0f} s: {mine[0].title}"
    return _not_too_many(truth, pages)


def _not_too_many(truth: Truth, pages: list[Page]) -> tuple[Verdict, str]:
    if truth.pages is not None and len(pages) > truth.pages:
        titles = "; ".join(p.title for p in pages)
        return Verdict.PAGE, f"{len(pages)} pages, at most {truth.pages}: {titles}"
    return Verdict.RIGHT, ""


def _telling(truth: Truth, pages: list[Page]) -> list[Page]:
    """Pages since the begin that name one of its hosts."""
    since = [p for p in pages if p.at >= truth.begins]
    return [p for p in since if not truth.hosts or any(h in f"{p.title} {p.text}" for h in truth.hosts)]
