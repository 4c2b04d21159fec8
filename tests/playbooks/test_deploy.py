# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a playbook shows of a deploy: its steps, and why it failed."""

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


HTTP_SERVICE = """
[env]
PORT = "8080"
[http_service]
internal_port = 8080
processes = ["web"]
[[http_service.checks]]
path = "/up"
"""
SERVE = "\"sh -c 'exec python3 -m http.server $PORT'\""
FAILURES = {
    "checks never pass": (
        f"[processes]\nweb = {SERVE}\n{HTTP_SERVICE}",
        ["timeout reached waiting for health checks", "not healthy: ", "(web, started)", '"GET /up HTTP/1.1" 404'],
    ),
    "it crashes": (
        f"[processes]\nweb = \"sh -c 'echo can not boot; exit 1'\"\n{HTTP_SERVICE}",
        ["the app appears to be crashing", "can not boot", "(web, stopped)"],
    ),
    "release command": (
        "[deploy]\nrelease_command = \"sh -c 'echo no such table; exit 3'\"\n"
        f"[processes]\nweb = {SERVE}\n{HTTP_SERVICE}",
        ["release_command failed", "exit code 3", "no such table", "exited with non-zero status of 3"],
    ),
}


@pytest.mark.parametrize("why", FAILURES)
def test_failed_deploy_says_why_in_the_apps_own_words(sandbox: Sandbox, tmp_path: Path, why: str) -> None:
    toml, parts = FAILURES[why]
    app = f"sick-{list(FAILURES).index(why)}"
    source = tmp_path / "app"
    source.mkdir()
    (source / "Dockerfile").write_text("FROM scratch\n")
    (source / "fly.toml").write_text(f'app = "{app}"\n{toml}')
    deploy = {"app": app, "source_dir": str(source), "groups": {"web": 1}, "wait_timeout": 4}
    tasks = [{"flyover.heroku_to_fly.fly_app": {"name": app, "org": "personal"}}]
    tasks.append({"flyover.heroku_to_fly.fly_deploy": deploy})
    playbook = tmp_path / "play.yml"
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    run = sandbox.play(str(playbook))
    assert run.recap("failed") == 1
    for part in parts:
        assert part in run.output, run.output
    assert "Traceback" not in run.output
