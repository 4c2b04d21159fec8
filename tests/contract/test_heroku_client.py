# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Heroku's own command-line client against the sandbox, and as an observer of what our role did.

The client is taken from PATH, or from .tools/heroku, where 'make contract' installs it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.tests.playbooks.conftest import APP, CHECKOUT, Sandbox

INSTALLED = CHECKOUT / ".tools" / "heroku" / "node_modules" / ".bin" / "heroku"
HEROKU = shutil.which("heroku") or (str(INSTALLED) if INSTALLED.exists() else "")
pytestmark = pytest.mark.skipif(not HEROKU, reason="the heroku client is not installed ('make contract' does it)")

# (command, what its output holds, requests that it must have sent)
COMMANDS = [
    ("config -s", "RACK_ENV=production", ["GET /apps/{app}/config-vars"]),
    ("config:get RACK_ENV", "production", ["GET /apps/{app}/config-vars"]),
    ("config:set SEEN_BY=client", "SEEN_BY: client", ["PATCH /apps/{app}/config-vars", "GET /apps/{app}/releases"]),
    ("config:unset SEEN_BY", "Unsetting SEEN_BY", ["PATCH /apps/{app}/config-vars"]),
    ("maintenance:on", "Enabling maintenance mode", ["PATCH /apps/{app}"]),
    ("maintenance", "on", ["GET /apps/{app}"]),
    ("maintenance:off", "Disabling maintenance mode", ["PATCH /apps/{app}"]),
    ("ps", "web.1: up", ["GET /apps/{app}/dynos"]),
    ("ps:scale web=1", "now running web at 1:Standard-1X", ["PATCH /apps/{app}/formation"]),
    ("ps:scale web=2:Standard-2X", "now running web at 2:Standard-2X", ["PATCH /apps/{app}/formation"]),
    ("ps:scale web=2:Standard-1X", "now running web at 2:Standard-1X", ["PATCH /apps/{app}/formation"]),
    ("ps:scale", "web=2:Standard-1X worker=1:Standard-2X", ["GET /apps/{app}/formation"]),
    ("run -- printenv RACK_ENV", "production", ["POST /apps/{app}/dynos"]),
    ("run --no-tty --exit-code -- echo one two", "one two", ["POST /apps/{app}/dynos"]),
    ("run:detached -- true", "done, run.", ["POST /apps/{app}/dynos"]),
    ("domains", "www.example.com", ["GET /apps/{app}/domains"]),
    ("addons", "as HEROKU_POSTGRESQL_BLUE", ["GET /apps/{app}/addons", "GET /addon-attachments"]),
    ("addons --json", "heroku-postgresql:standard-0", ["GET /apps/{app}/addons"]),
    ("apps:info", "Region:         us", ["GET /apps/{app}"]),
    ("apps:info --json", '"maintenance": false', ["GET /apps/{app}"]),
    ("pg:info", "PG Version", ["GET /apps/{app}/addon-attachments"]),
    ("pg:credentials:url", "sslmode=require", ["POST /actions/addon-attachments/resolve"]),
    ("pg:credentials", "as DATABASE", ["POST /actions/addon-attachments/resolve"]),
    ("redis:info", "REDIS_URL", ["GET /apps/{app}/addons"]),
    ("redis:credentials", "rediss://", ["GET /apps/{app}/addons"]),
    ("releases", "Initial release", ["GET /apps/{app}/releases"]),
    ("buildpacks", "heroku/ruby", ["GET /apps/{app}/buildpack-installations"]),
    ("drains", "", ["GET /apps/{app}/log-drains"]),
]


class Client:
    """The real client with a home of its own: it writes to git's global settings."""

    def __init__(self, sandbox: Sandbox, home: Path) -> None:
        self.sandbox = sandbox
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            **{f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CACHE", "DATA", "CONFIG")},
            "TERM": "dumb",
            "NO_COLOR": "1",
            "DISABLE_TELEMETRY": "true",
            **{n: sandbox.environment[n] for n in ("HEROKU_API_KEY", "HEROKU_HOST", "HEROKU_DATA_HOST")},
            "NODE_EXTRA_CA_CERTS": sandbox.environment["NODE_EXTRA_CA_CERTS"],
        }

    def run(self, command: str, app: str = APP) -> subprocess.CompletedProcess[str]:
        name, *rest = command.split()
        # The sandbox is told by its address: the client refuses none that names loopback.
        assert "127.0.0.1" in self._environment["HEROKU_HOST"]
        return subprocess.run(
            [HEROKU, name, "-a", app, *rest],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def requests(self) -> list[dict[str, Any]]:
        lines = self.sandbox.command("requests", str(self.sandbox.directory)).splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("client")
    (folder / "home").mkdir()
    sandbox = Sandbox(folder / "box").up()
    yield Client(sandbox, folder / "home")
    sandbox.down()


@pytest.mark.parametrize(("command", "part", "requests"), COMMANDS, ids=[row[0] for row in COMMANDS])
def test_command_works_against_the_sandbox(client: Client, note: Any, command: str, part: str, requests: Any) -> None:
    before = len(client.requests())
    done = client.run(command)
    sent = client.requests()[before:]
    good = done.returncode == 0 and part in done.stdout + done.stderr
    note(f"heroku {command}", sent, "works" if good else "FAILS")
    assert good, done.stdout + done.stderr
    for wanted in requests:
        assert wanted.format(app=APP) in [f"{r['method']} {r['path']}" for r in sent]


def test_config_is_what_our_module_reads(client: Client) -> None:
    assert json.loads(client.run("config --json").stdout) == client.sandbox.heroku["config"]


def test_unknown_app_is_refused_in_its_own_words(client: Client) -> None:
    done = client.run("apps:info", app="no-such-app")
    assert done.returncode == 2
    assert "not_found" in done.stderr


def test_what_the_client_changes_our_next_check_sees(client: Client) -> None:
    sandbox = client.sandbox
    sandbox.play("migrate", "-e", '{"migrate_steps": ["provision", "secrets"]}').succeeded()
    assert client.run("config:set LANG=cs_CZ.UTF-8").returncode == 0
    run = sandbox.play("migrate", "--check", "-e", '{"migrate_steps": ["secrets"]}').succeeded()
    assert '"LANG": "set"' in run.output
    assert run.output.count('": "set"') == 1


def test_the_client_sees_what_our_role_did(client: Client) -> None:
    client.sandbox.play("migrate", "-e", "migrate_cutover=true").succeeded()
    assert client.run("maintenance").stdout.strip() == "on"
    assert "web=0:Standard-1X worker=0:Standard-2X" in client.run("ps:scale").stdout
    client.sandbox.play("rollback", "-e", "migrate_discard_fly_writes=true").succeeded()
    assert client.run("maintenance").stdout.strip() == "off"
    assert "web=2:Standard-1X worker=1:Standard-2X" in client.run("ps:scale").stdout
