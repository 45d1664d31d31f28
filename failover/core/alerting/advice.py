"""Advice for a person where no playbook acts: the nearest one and what it lacks, and what to do by hand. Pure.

One text for the page and for `failover why`.
"""

from __future__ import annotations

from collections.abc import Mapping

from failover.core.decide.candidates import Candidate, Situation
from failover.core.decide.guards import not_first, standing
from failover.core.decide.verdict import Considered, Decision, Verdict
from failover.core.observe.condition import All, judge
from failover.core.observe.diagnosis import Diagnosis

BY_HAND: Mapping[str | None, str] = {
    "disk-full": "Make room where the queue of {host} lies (df -h, df -i): old logs, dumps, never the queue's own "
    "files. Postfix goes on by itself.",
    "spam-filter-slow": "Mail still moves, so bypass nothing: see what the scans of {host} wait for (its resolver, a "
    "blocklist, the CPU).",
    "spam-filter-hung": "Read the filter's log on {host} and start it again; what waits behind it goes on then.",
    "handler-down": "Read the handler's log on {host} and start its container again; what waits for it goes on then.",
    "handler-stuck": "See what the handler of {host} waits for (a filter, a database) before it is started again.",
    "handler-waits": "The handler of {host} and its filter are silent together, and Postfix calls no filter: so the "
    "handler does. Start the filter again; a handler that is started alone stops at the next message.",
    "handler-silent": "The handler of {host} has gone silent just now, and may be busy: see docker top, and its log.",
    "handlers-stuck": "The handlers of several hosts wait at once, so for what they share: see the database and the "
    "network to it. Starting them again only adds connections.",
    "postfix-dying": "Read what the daemon of {host} says (grep fatal in the mail log): mostly a line of main.cf or a "
    "map; see what changed last. postfix check does not find all of it.",
    "smtpd-full": "See who holds the connections of {host} (ss -tn sport = :25); smtpd_timeout, "
    "smtpd_client_connection_count_limit and STRESS_README help. Move no mail: the flood follows the MX.",
    "port-down": "Postfix of {host} may have ended (postfix status), or a firewall drops port 25 (nft list ruleset).",
    "mail-refused": "Read why {host} refuses (grep reject in its mail log): a table that cannot be read, a milter, a "
    "blocklist, a full disk. Senders try again after 4xx; after 5xx mail is gone, so that comes first.",
    "not-picked-up": "See pickup and cleanup of {host} in its mail log; maildrop is read again after `postfix reload`.",
    "postfix-frozen": "See whether Postfix's master on {host} is stopped or hangs; a restart ends that, no reload.",
    "mx-unreachable": "See the console of {host}, or ask its provider: neither SSH nor port 25 answers.",
    "ssh-unreachable": "Mail flows, only we are blind: see sshd of {host}, its firewall and our key (ssh -v).",
    None: "Read the mail log of {host}; all that was looked at: failover check -v --host {host}.",
}
"""By the class of the diagnosis; None: no known incident."""


def advice(d: Diagnosis, v: Verdict, s: Situation) -> tuple[str, str]:
    """For a host that is not well: the nearest playbook, and what to do by hand."""
    return _nearest(d, v, s), BY_HAND[d.incident].format(host=d.host)


def _nearest(d: Diagnosis, v: Verdict, s: Situation) -> str:
    """Of the playbooks for the host's incident: the first that fires, else the first."""
    near = [x for x in v.considered if x.candidate.host == d.host and d.incident in x.candidate.bound.cures]
    if not near:
        return "No playbook is for this."
    x = next((x for x in near if x.fires), near[0])
    if not x.fires and (m := standing(x.candidate, s)) is not None and not m.gone:
        return f"{x.candidate.name} is in force: {m.says} (run {m.run})."
    if why := not_first(x.candidate, s):
        return f"{x.candidate.name} is not needed: {why}."
    return _barred(x, v) if x.fires else f"{x.candidate.name} would help, but not yet: {_lacks(x.candidate, s)}."


def _barred(x: Considered, v: Verdict) -> str:
    c = x.candidate
    if x.barrier is not None and x.barrier.rule == "diagnosis":
        return f"{c.name} is not for this: {x.barrier.because}."
    if x.barrier is not None:
        return f"{c.name} would help, but {x.barrier.because}."
    if v.kind is Decision.RUN:
        return f"{c.name} would help, and comes after {v.playbook} on {v.host}: one at a time."
    return f"{c.name} fires, {v.because[-1]}."


def _lacks(c: Candidate, s: Situation) -> str:
    """The parts of its trigger that do not hold."""
    parts = c.bound.trigger.of if isinstance(c.bound.trigger, All) else (c.bound.trigger,)
    judged = [judge(part, s.samples, now=s.now, pace=s.pace) for part in parts if part is not None]
    return "; ".join(" or ".join(j.because) for j in judged if j.holds is not True)
