"""The controller's own link is cut: nothing is wrong with any host, and nothing is done to any."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from failover.lab import Lab, network
from tests.labs import lab_or_skip
from tests.scenarios.watching import HOOK_URL, Desk, Mail, hook, messages, records, until

pytestmark = [pytest.mark.lab, pytest.mark.soak]

POLICY = "policy: {mode: auto, clear: 20s}\n"
CHANNELS = f'notify: [{{kind: stderr}}, {{kind: webhook, url: "{HOOK_URL}"}}]\n'


@pytest.fixture
def lab() -> Iterator[Lab]:
    ours = lab_or_skip("link")
    yield ours
    ours.down()


@pytest.fixture
def more_yaml() -> str:
    return POLICY + CHANNELS


def test_nothing_is_done_and_a_person_is_told_by_the_way_that_is_left(lab: Lab, desk: Desk, mail: Mail) -> None:
    """For longer than an MX may be away before mail is moved; the MX meanwhile see each other, and mail flows."""
    book = desk.folder / "playbooks/mx-down.yaml"
    book.write_text(book.read_text().replace("for: 3m", "for: 30s"))
    told, watch, shown = desk.folder / "told", desk.watch(), records(lab)
    mail.send({"mx1": 2, "mx2": 1})
    with hook(lab, told):
        network.pull(lab, "controller")
        cut = time.time()
        until(lambda: "own network" in desk.failover("why").stdout, "why says so", within=60)
        until(lambda: messages(told), "a page goes out", within=200)
        paged = time.time() - cut
        assert paged > 60
        assert records(lab) == shown
        assert "own network" in desk.failover("why").stdout
        network.plug_back(lab, "controller")
        until(
            lambda: any(m["resolves"] for m in messages(told)),
            "it is told as over",
            within=420,
        )
    assert watch.end() == 0
    assert desk.runs() == ()
    assert mail.as_before()
    print(f"paged {paged:.0f} s after the cut: {[m['title'] for m in messages(told)]}; {mail.adds_up()}\n{watch.said}")  # noqa: T201


def test_told_later_when_no_channel_could_be_reached_and_cured_once_it_sees_again(
    lab: Lab, desk: Desk, mail: Mail
) -> None:
    """What breaks while it is blind stays as it is until it sees; and then it takes three looks, like anything."""
    told, watch = desk.folder / "told", desk.watch()
    mail.send({"mx1": 5, "mx2": 1})
    mail.arrives()
    network.pull(lab, "controller")
    lab.incident("spamd-hung")
    until(lambda: "the controller cannot see" in watch.said, "it tells on stderr", within=200)
    assert desk.runs() == ()

    network.plug_back(lab, "controller")
    back = time.time()
    flows = mail.flows(back, within=120)
    with hook(lab, told):
        until(lambda: any("cannot see" in m["title"] for m in messages(told)), "the page comes after all", within=300)
    lab.heal("spamd-hung")
    until(lambda: mail.as_before() and desk.state(desk.runs()[0].id) == "rolled_back", "it is put back", within=120)
    assert watch.end() == 0
    assert len(desk.runs()) == 1
    print(f"flows {flows:.1f} s after the link; {[m['title'] for m in messages(told)]}; {mail.adds_up()}")  # noqa: T201
