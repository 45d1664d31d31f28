"""`spam.bypass`: take the spam filter out of the mail path, where it is wired as a content_filter.

The lever is chosen from what the host reports. Redefining the filter's
transport as a pass-through needs no re-queueing and cannot duplicate mail
(measured), so it comes first; clearing the setting is for what it cannot reach.
The host offers a lever only where it has proven it harmless to all other mail,
and proves it again before it acts: `failover/host/parts/levers.sh`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import Field

from failover.actions import remote
from failover.actions.base import Action, Attempt, Context, Flags, Ports, Result
from failover.actions.fields import A_TEXT, OnHost, SpanRef, matched
from failover.actions.setting import diff, expected, filter_answers, read_settings, settle_setting, summary
from failover.actions.steps import NO_UNDO, state_step
from failover.actions.subjects import host_of
from failover.core.fleet import Host
from failover.core.hidden import hidden
from failover.core.runs.plan import Certainty, Step
from failover.core.runs.playbook import StepSpec
from failover.core.words import count, duration
from failover.errors import Refused
from failover.ports import Reply

LEVERS = ("pass", "clear")
ETA_S = 4.0
_WAITS_ON = "the setting is read back; mail that waits remembers the filter, so the re-queue shows the effect"


_Filter = Annotated[
    str,
    matched(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}", "transport of master.cf; write one such as spamassassin"),
    A_TEXT,
]


class Bypass(OnHost):
    """Takes the spam filter out of the mail's path, for a time."""

    mode: Literal["pass"] = Field(description="pass: mail goes on unscanned.", examples=["pass"])
    expires: SpanRef = Field(description="After this the filter is due to be put back.", examples=["4h"])
    filter: _Filter | None = Field(default=None, description="Its transport in master.cf, where there are several.")


class SpamBypass:
    name = "spam.bypass"
    with_ = Bypass
    read, settle = staticmethod(read_settings), staticmethod(settle_setting)
    stands = staticmethod(remote.stands)
    flags = Flags(reads=("queue.frozen",))

    def plan(self, spec: StepSpec[Bypass], context: Context) -> Step:
        host = host_of(spec, context.ports.fleet)
        wanted = spec.with_.filter
        found = remote.read(context.ports, host, "filter-read", {"filter": wanted} if wanted else {})
        filter_ = _the_filter(host, found)
        lever = _lever(host, found)
        rows: list[tuple[str, ...]] = [r[1:] for r in found.all("setting") if len(r) == 5 and r[0] == lever]
        told = (*found.all("effect"), *found.all("note"))
        notes = [" ".join(r[1:]) for r in told if r and r[0] == lever]
        before = {f"{file} {key}": hidden(now) for file, key, now, _ in rows}
        want = {f"{file} {key}": hidden(then) for file, key, _, then in rows}
        unchanged = before == want
        return state_step(
            spec,
            host,
            certainty=Certainty.UNCHANGED if unchanged else Certainty.EXACT,
            says="; ".join((_says(filter_, lever, rows), *notes)),
            how={"filter": filter_, "lever": lever, "expect": expected(rows)},
            before=before,
            want=want,
            observed=_observed(context, host),
            diff=tuple(d for key in before for d in diff(key, before[key], want[key])),
            undo=_undo_words(before, want, spec.with_.expires),
            guards=filter_answers(host),
            no_verify=_WAITS_ON if lever == "clear" else None,
            eta_s=ETA_S,
            limit_s=spec.timeout or 60.0,
            expires_s=spec.with_.expires,
        )

    def act(self, step: Step, at: Attempt, ports: Ports) -> Result:
        args = {k: step.how[k] for k in ("filter", "lever", "expect")}
        reply = remote.act(step, at, ports, "bypass", args)
        return summary(reply, "ended", "left")

    def undo(self, step: Step, at: Attempt, ports: Ports) -> Result:
        args = {"of_run": at.run, "of_step": step.id}
        return summary(remote.act(step, at, ports, "restore", args), "restored")


ACTION: Action[Bypass] = SpamBypass()


def bypasses(steps: Iterable[Step], host: str) -> list[Step]:
    """The steps that take a filter out of the path on this host."""
    return [s for s in steps if s.action == SpamBypass.name and s.host == host]


def _the_filter(host: Host, found: Reply) -> str:
    wiring = (found.one("wiring") or ("none",))[0]
    if wiring == "milter":
        raise Refused(
            f"{host.name}'s spam filter is a milter ({' '.join(found.one('milters') or ())}); "
            "this version takes out content filters only",
            try_=f"on {host.name}: postconf -e smtpd_milters= && postfix reload; nothing queued needs re-queueing",
        )
    if wiring == "proxy":
        key, at = (*(found.one("proxy") or ()), "smtpd_proxy_filter", "")[:2]
        raise Refused(
            f"{host.name}'s spam filter is smtpd_proxy_filter ({key} = {at}), before the queue; "
            "this version takes out content filters only",
            try_=f"on {host.name}: postconf {'-P' if '/' in key else '-e'} {key}= && postfix reload; "
            "nothing queued needs re-queueing",
        )
    names = [r[0] for r in found.all("filter") if r]
    if not names:
        raise Refused(
            f"{host.name} has no content_filter in main.cf or master.cf: there is no spam filter to take out",
            try_=f"see `failover check --host {host.name} -v`; a filter called by the handler is switched there",
        )
    if len(set(names)) > 1:
        raise Refused(
            f"{host.name} has several content filters: {', '.join(sorted(set(names)))}",
            try_="name the one that hangs: with: {filter: NAME} in the step",
        )
    return names[0]


def _lever(host: Host, found: Reply) -> str:
    answers = {r[0]: r[1:] for r in found.all("lever") if r}
    for lever in LEVERS:
        if answers.get(lever, ("no",))[0] == "ok":
            return lever
    why = "; ".join(f"{lever}: {' '.join(answers.get(lever, ('no', 'not reported'))[1:])}" for lever in LEVERS)
    raise Refused(f"{host.name}'s filter cannot be taken out: {why}", try_="take it out by hand, see the README")


def _says(filter_: str, lever: str, rows: list[tuple[str, ...]]) -> str:
    if lever == "pass":
        back = re.search(r" -o smtp_fallback_relay=(\S+)(?= -o \{smtp_tls_policy_maps=)", rows[0][-1])
        return f"master.cf: transport {filter_} → pass-through{f', straight to {back[1]}' if back else ''}"
    places = [key.removesuffix("/content_filter") for _, key, *_ in rows if "content_filter" in key]
    return f"content_filter {filter_} → none in {', '.join(places)}"


def _undo_words(before: Mapping[str, str], want: Mapping[str, str], expires: float) -> str:
    changed = sum(before[k] != want[k] for k in before)
    if not changed:
        return NO_UNDO
    return f"restore {count(changed, 'line')}, once the filter answers again · expires in {duration(expires)}"


def _observed(context: Context, host: Host) -> dict[str, str]:
    frozen = context.seen(host, "queue.frozen")
    return {"queue.frozen": frozen.reason} if frozen else {}
