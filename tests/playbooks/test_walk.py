# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A new user's first steps: the archive, installed into an empty folder, and the README's commands, word for word."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import CHECKOUT, Sandbox, tree

BIN = Path(sys.executable).parent
# What the README lets a user choose or gives word for word; the sandbox provides everything else.
CHOSEN = ("HEROKU_APP", "FLY_APP", "FLY_ORG", "MIGRATE_SOURCE_DIR", "MIGRATE_STATE_DIR")


def readme_commands() -> tuple[str, list[str]]:
    """Return the README's exports of the apps' names, and its playbook commands in their order."""
    blocks = re.findall(r"```console\n(.*?)```", (CHECKOUT / "README.md").read_text(), re.DOTALL)
    (block,) = [block for block in blocks if "$ ansible-playbook" in block]
    lines = [line.removeprefix("$ ").partition("#")[0].strip() for line in block.splitlines()]
    exports = "; ".join(line for line in lines if line.startswith("export "))
    return exports, [line for line in lines if line.startswith("ansible-playbook ")]


class Walk:
    """An empty home folder, an installed archive, the app's source."""

    def __init__(self, home: Path, archive: Path, sandbox: Sandbox) -> None:
        self.home, self.source = home, home / "paper-crane"
        shutil.copytree(sandbox.environment["MIGRATE_SOURCE_DIR"], self.source)
        given = {**os.environ, **sandbox.environment}
        stand_in = sandbox.environment["PATH"].partition(os.pathsep)[0]
        self.environment = {
            **{name: value for name, value in given.items() if name not in CHOSEN and not name.startswith("ANSIBLE_")},
            "HOME": str(home),
            "PATH": os.pathsep.join([stand_in, str(BIN), given["PATH"]]),
            "ANSIBLE_NOCOLOR": "1",
        }
        self.run(f"ansible-galaxy collection install {archive}")

    def run(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.source,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    build = [str(BIN / "ansible-galaxy"), "collection", "build", "--output-path", str(folder), str(CHECKOUT)]
    subprocess.run(build, check=True, capture_output=True)
    return next(folder.glob("flyover-heroku_to_fly-*.tar.gz"))


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory, archive: Path, sandbox: Sandbox) -> Iterator[Walk]:
    yield Walk(tmp_path_factory.mktemp("home"), archive, sandbox)


def test_the_archive_holds_what_a_user_needs_and_nothing_that_only_a_checkout_does(archive: Path) -> None:
    with tarfile.open(archive) as content:
        names = {member.name for member in content.getmembers() if not member.isdir()}
    assert {"README.md", "LICENSE", "docs/schema/report.json", "playbooks/audit.yml", "meta/runtime.yml"} <= names
    tops = {name.partition("/")[0] for name in names}
    assert tops == {
        *("CHANGELOG.md", "CHANGELOG.rst", "CONTRIBUTING.md", "FILES.json", "LICENSE", "LICENSES", "MANIFEST.json"),
        *("README.md", "changelogs", "docs", "meta", "playbooks", "plugins", "roles"),
    }


def test_the_readmes_audit_works_from_the_archive_and_leaves_nothing_behind(walk: Walk, sandbox: Sandbox) -> None:
    exports, commands = readme_commands()
    before = tree(walk.source)
    shown = walk.run(f"{exports}; {commands[0]}")
    assert "  + create  Fly app paper-crane in organization personal, with its addresses" in shown.splitlines()
    assert "Next: ansible-playbook flyover.heroku_to_fly.migrate" in shown
    assert sandbox.writes() == []
    assert tree(walk.source) == before
    assert not (walk.home / ".local" / "state").exists()


@pytest.mark.slow
def test_the_readmes_other_commands_move_the_app_and_bring_it_back(walk: Walk, sandbox: Sandbox) -> None:
    """A minute and a half."""
    exports, (_audit, rehearse, move, *rollbacks) = readme_commands()
    walk.run(f"{exports}; {rehearse}")
    assert sandbox.writes("heroku") == []
    walk.run(f"{exports}; {move}")
    assert sandbox.heroku["maintenance"] is True
    report = walk.home / ".local" / "state" / "flyover" / "paper-crane--paper-crane.report.json"
    assert json.loads(report.read_text())["status"] == "live"
    walk.run(f"{exports}; {rollbacks[-1]}")
    assert sandbox.heroku["maintenance"] is False
    running = {kind: one["quantity"] for kind, one in sandbox.heroku["formation"].items() if one["quantity"]}
    assert running == {"web": 2, "worker": 1}
