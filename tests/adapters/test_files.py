"""Names that another user could have put there are not followed; and root makes nothing in another's folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from failover.adapters import files, host_keys
from failover.adapters.known_hosts import HostKey
from failover.adapters.store import SqlStore
from failover.adapters.store_guest import guest
from failover.errors import ConfigError

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
NOBODY = 65534


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o700)
    os.chown(folder, NOBODY, NOBODY)
    return folder


def opened(path: Path) -> None:
    SqlStore.open_url(f"sqlite:///{path}").close()


def seen(path: Path) -> None:
    with guest(f"sqlite:///{path}"):
        pass


def put(path: Path) -> None:
    files.put(path, "x", 0o644)


def known(path: Path) -> None:
    host_keys.add(path, "x")


@ROOT
@pytest.mark.parametrize("way", [opened, seen, put, known])
def test_root_makes_nothing_through_anothers_dangling_link(
    theirs: Path, tmp_path: Path, way: Callable[..., None]
) -> None:
    """safety 8: `sudo failover status` created a file there, and gave it away."""
    aim, link = tmp_path / "aim", theirs / "failover.db"
    link.symlink_to(aim)
    os.lchown(link, NOBODY, NOBODY)
    with pytest.raises(ConfigError) as refused:
        way(link)
    assert "sudo -u nobody failover" in refused.value.try_
    assert (aim.exists(), sorted(p.name for p in theirs.iterdir())) == (False, ["failover.db"])


@ROOT
@pytest.mark.parametrize("way", [opened, put, known])
def test_root_makes_nothing_in_anothers_folder(theirs: Path, way: Callable[..., None]) -> None:
    """safety 8: not below it either, and not where a folder on the way is open to others."""
    for path in (theirs / "x", theirs / "new" / "x"):
        with pytest.raises(ConfigError, match="belongs to nobody, and we run as root"):
            way(path)
    assert list(theirs.iterdir()) == []
    os.chown(theirs, 0, 0)
    theirs.chmod(0o777)
    with pytest.raises(ConfigError, match="others than root may write in"):
        way(theirs / "x")
    assert list(theirs.iterdir()) == []


@ROOT
def test_a_link_of_another_is_followed_by_nobody_and_ones_own_is(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    tmp_path.chmod(0o755)
    for name, owner in (("of-root", 0), ("of-nobody", NOBODY), ("of-other", 12345)):
        (shared / name).symlink_to(tmp_path / name)
        os.lchown(shared / name, owner, owner)
    assert files.real(shared / "of-root") == tmp_path / "of-root"
    with pytest.raises(ConfigError, match="belongs to nobody"):
        files.real(shared / "of-nobody")
    with pytest.raises(ConfigError, match="others than root may write in"):
        files.real(shared / "x", alone=True)
    (shared / "circle").symlink_to(shared / "circle")
    with pytest.raises(ConfigError, match="in a circle"):
        files.real(shared / "circle")


def test_what_is_put_is_whole_and_by_a_link_of_ours_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "here").symlink_to("there/../there")
    files.put(tmp_path / "here" / "x", "one", 0o640)
    files.put(tmp_path / "here" / "x", "two", 0o640)
    assert [(p.name, p.read_text(), p.stat().st_mode & 0o777) for p in (tmp_path / "there").iterdir()] == [
        ("x", "two", 0o640)
    ]


def test_a_key_that_any_file_revokes_is_trusted_by_none(tmp_path: Path) -> None:
    """safety 18: it counted in its own file only."""
    from failover.adapters.ssh_session import _trusted
    from failover.core.fleet import Ssh
    from failover.errors import Refused
    from tests.signals.fakes import host

    key = HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIA==")
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.write_text(f"192.0.2.11 {key.kind} {key.base64}\n")
    theirs.write_text(f"@revoked * {key.kind} {key.base64}\n")
    with pytest.raises(Refused, match=r"which .*theirs revokes"):
        host_keys.trust("192.0.2.11", 22, (key,), [ours, theirs])
    with pytest.MonkeyPatch.context() as m:
        m.setattr("failover.adapters.ssh_session.DEFAULT_KNOWN_HOSTS", (str(ours), str(theirs)))
        at = host("mx1", 11, ssh=Ssh(user="root", known_hosts=None))
        assert _trusted(at) == ()
