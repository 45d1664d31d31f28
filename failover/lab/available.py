"""Can a lab run here? Tried in namespaces that vanish afterwards."""

from __future__ import annotations

import shutil
import subprocess

TOOLS = ("unshare", "nsenter", "setsid", "ip", "tar", "bash", "dpkg", "apt-get")
ATTEMPT = """
set -e
mount -t tmpfs lab /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work lab /mnt/root
mount -t proc proc /mnt/root/proc
ip link add br0 type bridge
ip link add eth0 type veth peer name eth1
"""


def why_not() -> str | None:
    """Why no lab can run on this machine, in a sentence; None if it can."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        return f"no lab can run here: {', '.join(missing)} not found"
    apart = ["unshare", "-m", "-n", "-u", "-i", "-p", "-f", "--kill-child=KILL", "--propagation", "private"]
    try:
        tried = subprocess.run([*apart, "bash", "-c", ATTEMPT], capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        return "no lab can run here: namespaces and an overlay over / did not come up in 20 s"
    if tried.returncode == 0:
        return None
    said = tried.stderr.strip().splitlines() or [f"exit status {tried.returncode}"]
    return f"no lab can run here, it needs root, namespaces and an overlay over /: {said[0]}"
