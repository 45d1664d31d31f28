"""The registry of channels: each is one file and one line, and nothing heavy is loaded before a message is sent."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import failover
from failover.channels import CHANNELS
from failover.channels.kind import example
from tests.adapters.http_server import SECRET, Got, serving
from tests.copies import Product

PACKAGE = Path(failover.__file__).parent
BESIDES = {"__init__", "kind", "notifier", "text"}

HOSTS = "version: 1\nhosts: {mx1: {role: primary, address: 192.0.2.11}}\nnotify:\n"
WRONG = """\
  - {kind: pigeon, loft: 20200811, ring: hunter2}
  - {kind: pigoen}
  - {kind: dove}
  - {kind: pigeon}
"""


def test_each_file_is_a_kind_and_is_named_by_its_word() -> None:
    files = {path.stem for path in (PACKAGE / "channels").glob("*.py")} - BESIDES
    assert files == {*CHANNELS}
    assert {name: get_args(kind.form.model_fields["kind"].annotation) for name, kind in CHANNELS.items()} == {
        name: (name,) for name in CHANNELS
    }


def test_no_other_file_of_the_product_names_a_kind() -> None:
    """Prose may; code asks the registry. Standard error is also where people are told when nothing is named."""
    for path in (p for p in PACKAGE.rglob("*.py") if p.parent.name != "channels"):
        text = path.read_text()
        named = {name for name in CHANNELS if f'"{name}"' in text}
        assert named <= {"stderr"}, path


def test_what_is_shown_is_taken(tmp_path: Path) -> None:
    from failover.config.hosts import load_fleet

    shown = "\n".join(f"  - {example(kind.form)}" for kind in CHANNELS.values())
    (tmp_path / "hosts.yaml").write_text(HOSTS + shown)
    assert [c.kind for c in load_fleet(tmp_path / "hosts.yaml").notify] == list(CHANNELS)


def test_hosts_yaml_is_read_without_a_library_that_sends() -> None:
    code = "import sys, failover.config.hosts, failover.channels.notifier\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"urllib3", "tenacity", "ssl", "http.client", "apprise"} & {*loaded}


def test_the_diff_in_the_docs_is_the_file_that_there_is() -> None:
    docs = (PACKAGE.parent / "docs" / "adding.md").read_text()
    shown = docs.partition("+++ b/failover/channels/slack.py\n")[2].partition("```")[0].splitlines()[1:]
    assert [line.removeprefix("+") for line in shown] == (PACKAGE / "channels" / "slack.py").read_text().splitlines()


# One more, in a copy of the package ------------------------------------------

PIGEON = '''
"""`kind: pigeon`: a loft that takes letters."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from failover.adapters.request import Request, secret, url_of
from failover.channels.kind import ChannelKind, Form, posted
from failover.channels.text import line
from failover.core.alerting.alert import Message
from failover.core.fleet import Channel
from failover.fields import Secret, SecretUrl


class Pigeon(Form):
    """A pigeon."""

    kind: Literal["pigeon"]
    loft: SecretUrl = Field(examples=['"env:LOFT"'])
    ring: Secret = Field(examples=['"env:RING"'])

    def channel(self) -> Channel:
        return Channel(self.kind, self.loft, self.ring)


def request(channel: Channel, message: Message) -> Request:
    letter = {"letter": line(message.title, 40), "ring": secret(channel.secret or "")}
    return Request(url_of(channel.url or "", "the loft"), letter, taken={202})


KIND = ChannelKind(Pigeon, posted(request), instead={"dove": "doves are pigeons; write pigeon"})
'''
USED = """
import json, sys
from pathlib import Path
from failover.channels.notifier import Notify
from failover.adapters.secrets import resolve
from failover.config.hosts import HostsFile, load_fleet
from failover.config.write_hosts import Draft, text
from failover.core.alerting.alert import Message
from failover.doctor import channels
from failover.errors import ConfigError

def refused(name):
    try:
        load_fleet(Path(name))
    except ConfigError as e:
        return str(e)

fleet = load_fleet(Path("hosts.yaml"))
Notify().send(fleet.notify[0], Message("mx1/x", "error", "the filter hangs", ""))
print(json.dumps({
    "schema": HostsFile.model_json_schema()["$defs"]["Pigeon"],
    "doctor": [(f.outcome, f.subject, f.says) for f in channels.findings(fleet, resolve, lambda name: (name,))],
    "init": text(Draft((), (), (), ())),
    "id": fleet.notify[0].id,
    "refused": refused("wrong.yaml"),
}))
"""


def test_a_channel_is_one_file_and_one_line(tmp_path: Path) -> None:
    product = Product.at(tmp_path)
    product.add("channels", "pigeon", PIGEON, after="apprise")

    def loft(got: Got) -> int:
        return 202 if got.document == {"letter": "the filter hangs", "ring": SECRET} else 400

    product.write("hosts.yaml", HOSTS + '  - {kind: pigeon, loft: "env:LOFT", ring: "env:RING"}\n')
    product.write("wrong.yaml", HOSTS + WRONG)
    with serving(loft) as (root, got):
        done = product.python(USED, LOFT=f"{root}/{SECRET}", RING=SECRET)
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
    assert len(got) == 1
    assert (said["schema"]["required"], said["schema"]["description"]) == (["kind", "loft", "ring"], "A pigeon.")
    assert ("ok", "pigeon env:LOFT env:RING") in [(outcome, subject) for outcome, subject, _ in said["doctor"]]
    assert '  # A pigeon.\n  # - {kind: pigeon, loft: "env:LOFT", ring: "env:RING"}\n' in said["init"]
    assert said["id"].startswith("pigeon-")
    assert SECRET not in json.dumps(said)
    for words in ('lacks "loft"; add `loft: "env:LOFT"`', 'did you mean "pigeon"?', "doves are pigeons; write pigeon"):
        assert words in said["refused"]
    assert "20200811" not in said["refused"]
    assert "hunter2" not in said["refused"]
