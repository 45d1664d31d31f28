"""An installed helper is asked once who it is; another one than ours may look, and may not act."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from failover.adapters import helper
from failover.adapters.ssh import SshRemote
from failover.core.fleet import Host
from failover.errors import Refused, Unreachable
from failover.ports import Ready, Reply
from tests.adapters.sshd import Keys, Request, Sshd, answer, make_keys
from tests.adapters.test_ssh import host_at

SCRIPT = "VERSION=3\n"
OURS = helper.Text("3", hashlib.sha256(SCRIPT.encode()).hexdigest())
OTHER = helper.Text("2", "ab" * 32)


@dataclass
class There:
    """A host with some helper installed, or a shell that finds none."""

    text: helper.Text | None = OURS
    silent: bool = False
    verbs: list[str] = field(default_factory=list)

    def __call__(self, sshd: Sshd, asked: Request) -> None:
        verb = asked.command.split()[3]
        self.verbs.append(verb)
        if self.silent:
            sshd.wait()
        if self.text is None:
            answer(b"", 127)(sshd, asked)
        who = f"version\t{self.text.version}\ndigest\t{self.text.digest}\n" if self.text and verb == "hello" else ""
        answer(f"{who}end\t{verb}\t0\n".encode(), 0)(sshd, asked)


@dataclass
class Scene:
    there: There
    remote: SshRemote
    host: Host
    told: list[str]

    def call(self, verb: str, limit_s: float = 5) -> Reply:
        return self.remote.call(self.host, verb, {}, limit_s=limit_s)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def scene(keys: Keys, tmp_path: Path) -> Iterator[Scene]:
    there, told = There(), list[str]()
    with Sshd(keys, there) as sshd, SshRemote(lambda: SCRIPT, grace_s=0.3, tell=told.append) as remote:
        yield Scene(there, remote, host_at(sshd.port, keys, tmp_path, user="failover"), told)


def test_the_same_text_is_asked_once_for_many_calls(scene: Scene) -> None:
    for verb in ("look", "look", "bypass", "look", "flush"):
        assert scene.call(verb).rc == 0
    assert scene.there.verbs == ["hello", "look", "look", "bypass", "look", "flush"]
    assert scene.told == []


def test_another_text_may_look_but_not_act_until_it_is_ours(scene: Scene) -> None:
    scene.there.text = OTHER
    assert scene.call("look").rc == scene.call("frozen").rc == 0
    with pytest.raises(Refused) as refused:
        scene.call("bypass")
    said = f"{refused.value} / {refused.value.try_}"
    assert "mx1 has failover-host 2 (abababababab), this failover brings 3 (" in said
    assert "nothing was changed" in said
    assert "failover host install mx1" in said
    assert refused.value.exit_code == 4
    assert "bypass" not in scene.there.verbs
    assert len(scene.told) == 1, "said once, not at every look"

    scene.there.text = OURS
    assert scene.call("bypass").rc == 0, "installed meanwhile: the next act asks again"


def test_whether_it_may_act_is_known_before_anything_is_begun(scene: Scene) -> None:
    scene.remote.ready(scene.host)
    scene.there.text = OTHER
    scene.remote.ready(scene.host)
    assert scene.there.verbs == ["hello"], "said a moment ago"
    fresh = SshRemote(lambda: SCRIPT, tell=scene.told.append)
    with fresh, pytest.raises(Refused):
        fresh.ready(scene.host)
    assert isinstance(fresh, Ready)


def test_the_same_version_of_another_text_does_not_act(scene: Scene) -> None:
    scene.there.text = helper.Text("3", OTHER.digest)
    with pytest.raises(Refused):
        scene.call("restore")
    assert scene.there.verbs == ["hello"]


def test_what_does_not_say_its_version_is_not_even_read(scene: Scene) -> None:
    scene.there.text = helper.Text("?", "")
    with pytest.raises(Refused):
        scene.call("look")


def test_before_an_act_an_old_hello_is_not_enough(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.call("look")
    monkeypatch.setattr("failover.adapters.ssh.HELLO_GOOD_S", 0.0)
    scene.there.text = OTHER
    assert scene.call("look").rc == 0
    with pytest.raises(Refused):
        scene.call("flush")


def test_a_helper_that_does_not_say_who_it_is_gets_nothing_else(scene: Scene) -> None:
    """Not "unknown": hello changes nothing, so nothing has happened."""
    scene.there.silent = True
    with pytest.raises(Unreachable, match="nothing else was sent"):
        scene.call("bypass", limit_s=1)
    assert scene.there.verbs == ["hello"]


def test_no_helper_there_says_how_to_install_it(scene: Scene) -> None:
    scene.there.text = None
    with pytest.raises(Unreachable, match="nothing was run") as missing:
        scene.call("bypass")
    assert "failover host install mx1" in missing.value.try_
