"""Five steps on one host, each verified, all journalled: against those who run commands, and verify with one more."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figure import Figure, against
from benchmarks.ground import MX1, Ground
from benchmarks.timing import tool

ROUNDS = 7
FLUSH = "postqueue -f"
LOOK = 'test -z "$(find /var/spool/postfix/deferred -type f)"'

STEP = """\
  - id: s{n}
    action: queue.flush
    with: {{host: mx1}}
    verify: [{{signal: queue.frozen, host: mx1, is: ok}}]
    rollback: {{none: "nothing to take back"}}
"""
TASK = """\
    - command: {flush}
    - shell: '{look}'
"""
OPERATION = """\
server.shell(name="flush {n}", commands=["{flush}"])
server.shell(name="look {n}", commands=['{look}'])
"""


def figures(ground: Ground) -> Iterator[Figure]:
    five = range(5)
    steps = "".join(STEP.format(n=n) for n in five)
    book = ground.write("five.yaml", f"version: 1\nname: five\nsummary: five flushes\nsteps:\n{steps}")
    ours = ground.failover("run", str(book), "--yes")
    script = "; ".join(f"{' '.join(ground.ssh)} root@{MX1} {FLUSH} || exit" for _ in five)
    ssh = ground.at_controller(["sh", "-c", script])
    yield from against("five steps on one host", ours, ROUNDS, [("ssh, once a step, unverified", ssh, 2.0)])

    ground.write("hosts.ini", f"{MX1} ansible_user=root\n")
    tasks = "".join(TASK.format(flush=FLUSH, look=LOOK) for _ in five)
    tasks_yaml = ground.write("tasks.yaml", f"- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}")
    if ansible := ground.ansible("ansible-playbook", str(tasks_yaml)):
        yield from against("five steps on one host", ours, ROUNDS, [("ansible-playbook, pipelining", ansible, 0.25)])

    operations = "".join(OPERATION.format(n=n, flush=FLUSH, look=LOOK) for n in five)
    deploy = ground.write("deploy.py", f"from pyinfra.operations import server\n\n{operations}")
    if path := tool("pyinfra"):
        data = ("ssh_user=root", f"ssh_key={ground.identity}", f"ssh_known_hosts_file={ground.known_hosts}")
        pyinfra = ground.at_controller([path, "-y", MX1, *(w for d in data for w in ("--data", d)), deploy])
        yield from against("five steps on one host", ours, ROUNDS, [("pyinfra", pyinfra, 0.5)])
