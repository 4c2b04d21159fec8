# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a playbook shows while fly_deploy runs flyctl."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Sandbox

FLYCTL = """#!/bin/sh
[ "$1" = deploy ] || exit 0
echo '==> Building image' >&2
echo 'SECRET=of-the-build'
sleep 4
echo '--> Building image done' >&2
exit 1
"""


@pytest.mark.parametrize(
    ("how", "shown"),
    [
        ({}, ["flyctl secrets sync", "flyctl deploy", "==> Building image", "--> Building image done"]),
        ({"async": 60, "poll": 1}, ["flyctl secrets sync", "flyctl deploy"]),
        ({"no_log": True}, []),
    ],
)
def test_steps_are_shown_as_they_are_taken(
    sandbox: Sandbox, tmp_path: Path, how: dict[str, Any], shown: list[str]
) -> None:
    flyctl = tmp_path / "flyctl"
    flyctl.write_text(FLYCTL)
    flyctl.chmod(0o755)
    source = tmp_path / "app"
    source.mkdir()
    (source / "fly.toml").write_text('app = "no-such-app"\n')
    options = {"app": "no-such-app", "source_dir": str(source), "flyctl": str(flyctl)}
    tasks = [{"flyover.heroku_to_fly.fly_deploy": options, "ignore_errors": True, **how}]
    playbook = tmp_path / "play.yml"
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    folders = {"ANSIBLE_ASYNC_DIR": str(tmp_path / "async"), "TMPDIR": str(tmp_path)}
    run = sandbox.play(str(playbook), **folders).succeeded()
    assert run.recap("ignored") == 1
    lines = [line for line in run.output.splitlines() if line.startswith("fly_deploy [")]
    assert [line.removeprefix("fly_deploy [localhost]: ") for line in lines][: len(shown)] == shown
    assert bool(lines) == bool(shown)
    assert "of-the-build" not in "".join(lines)
    assert list(tmp_path.rglob("progress*")) == []
