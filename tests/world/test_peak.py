"""A standby that takes far more than its usual share is looked into and told of; one that is meant to is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from failover.controller.observe import SHARE, peaks_of, remembered
from failover.core.alerting import incident_alerts
from failover.core.decide.past import InForce
from failover.core.observe.signal import Outcome, Samples, Signal
from failover.runs.service import Runs
from failover.world.ports import ports
from failover.world.world import World


def share(percent: float, at: datetime) -> Samples:
    return (Signal("mx2", SHARE, "mx2", Outcome.OK, f"{percent:g} %", at, percent, "%"),)


def remembering(*newest: float) -> Runs:
    """Three hours of 4 %, then these, ten seconds apart."""
    world = World.august_11(1)
    c = Runs(ports(world), world.store)
    times = [c.now - timedelta(minutes=m) for m in range(190, 9, -10)]
    looks = [*((4.0, at) for at in times), *((p, c.now - timedelta(seconds=10 * n)) for n, p in enumerate(newest))]
    for percent, at in sorted(looks, key=lambda look: look[1]):
        c.store.remember(share(percent, at))
    return c


def test_two_looks_far_above_its_past_are_a_peak_with_a_page_that_names_the_primary() -> None:
    c = remembering(61, 58)
    s = remembered(c, ())
    (peak,) = peaks_of(c, s)
    assert peak.words == "mx2 takes 61 % of the mail, usually 4 %"
    (alert,) = incident_alerts.of_peaks(s, (peak,))
    assert (alert.key, alert.severity) == ("mx2/traffic", "warning")
    assert alert.text.startswith("mx1: ")


def test_one_look_or_its_usual_share_is_none() -> None:
    for newest in ((61, 4), (5, 4)):
        c = remembering(*newest)
        assert peaks_of(c, remembered(c, ())) == ()


def test_what_we_sent_there_ourselves_is_none() -> None:
    c = remembering(61, 58)
    s = remembered(c, ())
    ours = InForce("r", "mx-down", frozenset({"mx1"}), "mail goes to mx2", c.now, away_from=frozenset({"mx1"}))
    assert peaks_of(c, replace(s, past=replace(s.past, standing=(ours,)))) == ()
