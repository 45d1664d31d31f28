"""Secrets: read from where they are kept, and never said back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from failover.adapters.secrets import resolve
from failover.errors import ConfigError

SECRET = "hunter2"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    path = tmp_path / "tsig"
    path.write_text(f"{SECRET}\n")
    path.chmod(0o640)
    return path


def refused(reference: str) -> str:
    with pytest.raises(ConfigError) as caught:
        resolve(reference)
    said = f"{caught.value} | {caught.value.try_}"
    assert SECRET not in said
    assert caught.value.__cause__ is None or SECRET not in repr(caught.value.__cause__)
    return said


def test_each_kind_of_reference(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAILOVER_TSIG", SECRET)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(kept.parent))
    assert [resolve(r) for r in (f"file:{kept}", "env:FAILOVER_TSIG", "cred:tsig")] == [SECRET] * 3


@pytest.mark.parametrize("mode", [0o644, 0o602, 0o601])
def test_a_file_that_others_may_touch_is_refused_with_the_cure(kept: Path, mode: int) -> None:
    kept.chmod(mode)
    assert refused(f"file:{kept}").endswith(f"(mode {mode:04o}) | chmod o-rwx {kept}")


def test_a_secret_in_place_of_a_reference_is_not_repeated() -> None:
    for inline in (SECRET, f"plain:{SECRET}", f":{SECRET}"):
        assert "file:PATH, env:NAME or cred:NAME" in refused(inline)


def test_what_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.delenv("FAILOVER_NONE", raising=False)
    (tmp_path / "empty").touch(mode=0o600)
    (tmp_path / "bytes").write_bytes(SECRET.encode() + b"\xff")
    (tmp_path / "bytes").chmod(0o600)
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert refused("env:FAILOVER_NONE").startswith("env:FAILOVER_NONE is empty or not set")
    assert "No such file" in refused(f"file:{tmp_path}/none")
    assert "is empty" in refused(f"file:{tmp_path}/empty")
    assert "is not UTF-8" in refused(f"file:{tmp_path}/bytes")
    assert "is not a file" in refused(f"file:{tmp_path}/pipe")
    assert "is not a file" in refused(f"file:{tmp_path}")
    assert "no systemd credentials" in refused("cred:tsig")
    assert "is a path" in refused("cred:../tsig")
