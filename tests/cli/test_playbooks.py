"""`failover playbooks` as it is used."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from failover.cli.options import Options
from failover.cli.playbooks import app
from failover.config.catalogue import built_in, list_all
from failover.errors import ConfigError

MINE = """\
version: 1
name: mine
summary: Tells people.
priority: 1
steps:
  - {id: tell, action: notify, with: {text: hello}, verify: {none: "the channel's answer is the effect"}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.yaml").write_text(MINE)
    return tmp_path


def call(*words: str, folder: Path | None = None) -> str:
    result = CliRunner().invoke(app, words, obj=Options(playbooks=folder), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_list_is_the_default_and_what_speaks_first_is_first(folder: Path) -> None:
    table = call(folder=folder)
    assert table == call("list", folder=folder)
    lines = table.splitlines()
    assert lines[0].split() == ["NAME", "PRIORITY", "STEPS", "SUMMARY"]
    assert lines[1].split(maxsplit=3) == ["mine", "1", "tell", "Tells people."]
    assert "bypass → requeue → drain" in table


def test_list_as_json(folder: Path) -> None:
    document = json.loads(call("list", "--json", folder=folder))
    assert document["version"] == 1
    assert document["playbooks"][0] == {
        "name": "mine",
        "summary": "Tells people.",
        "priority": 1,
        "steps": ["tell"],
        "path": str(folder / "mine.yaml"),
    }


def test_one_broken_file_hides_no_other(folder: Path) -> None:
    (folder / "bad.yaml").write_text("version: 1\n")
    runner = CliRunner()
    with pytest.raises(ConfigError, match=r"bad\.yaml:1:1: the file lacks"):
        runner.invoke(app, ["list"], obj=Options(playbooks=folder), catch_exceptions=False)
    result = runner.invoke(app, ["lint"], obj=Options(playbooks=folder), catch_exceptions=False)
    assert result.exit_code == 2
    assert f'{folder}/bad.yaml:1:1: the file lacks "name"' in result.stdout
    assert "mine.yaml" not in result.stdout


def test_show_gives_the_text_as_it_is_and_its_origin_beside_it(folder: Path) -> None:
    result = CliRunner().invoke(app, ["show", "mine"], obj=Options(playbooks=folder), catch_exceptions=False)
    assert result.stdout == MINE
    assert result.stderr == f"# {folder}/mine.yaml\n"
    assert call("show", "spam-filter-hung") == (built_in() / "spam-filter-hung.yaml").read_text()


def test_lint_takes_paths_and_says_how_many_are_right(folder: Path) -> None:
    assert call("lint", str(folder / "mine.yaml")) == "1 playbook is right\n"
    assert call("lint", folder=folder) == f"{len(list_all(None)) + 1} playbooks are right\n"


def test_the_schema_is_one_json_document() -> None:
    assert json.loads(call("schema"))["properties"]["steps"]


def test_lint_loads_nothing_heavy() -> None:
    script = (
        "import sys; from failover.cli.playbooks import app; app(['lint'], standalone_mode=False);"
        "heavy = ('fabric', 'paramiko', 'boto3', 'dns', 'sqlalchemy', 'urllib3', 'rich');"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.splitlines()[-1] == "[]"
