# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fly's own command-line client against the sandbox, and as an observer of what our role did.

The client is taken from PATH, or from .tools/flyctl, where 'make contract' installs it; never the sandbox's stand-in.
test_flyctl_requests replays the same commands' requests where there is no client.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.flyctl import QUIET
from ansible_collections.flyover.heroku_to_fly.tests.playbooks.conftest import APP, CHECKOUT, Sandbox

INSTALLED = CHECKOUT / ".tools" / "flyctl" / "flyctl"
OWN_APP = "client-app"
FLY_TOML = f"""
app = "{OWN_APP}"
primary_region = "iad"

[deploy]
  release_command = "sh -c 'echo migrated'"

[processes]
  web = "sh -c 'exec python3 -m http.server $PORT'"
  worker = "sleep 600"

[http_service]
  internal_port = 8080
  auto_stop_machines = "off"
  auto_start_machines = true
  min_machines_running = 1
  processes = ["web"]

  [[http_service.checks]]
    method = "GET"
    path = "/"
    interval = "5s"
    timeout = "2s"
    grace_period = "1s"

[[vm]]
  size = "shared-cpu-1x"
"""
# What fly_deploy passes, and nothing that queries public DNS.
DEPLOY = (
    "deploy -a {app} -c {config} --remote-only --yes --ha=false --wait-timeout 120s --image {image} --dns-checks=false"
)
DEPLOYED = ["GET /v1/apps/{app}", "POST /api/v1/releases", "PATCH /api/v1/releases/*", "POST /v1/apps/{app}/machines"]


def environment(home: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of a client with a home of its own."""
    folder = {"HOME": str(home), "FLY_CONFIG_DIR": str(home / "fly")}
    return {"PATH": os.environ["PATH"], **folder, **QUIET, "TERM": "dumb", **variables}


def real_flyctl() -> str:
    """Return the path of Fly's own client, "" if there is none; neither the stand-in nor npm's wrapper counts."""
    for path in (shutil.which("flyctl"), shutil.which("fly"), str(INSTALLED) if INSTALLED.exists() else None):
        if path is None:
            continue
        with tempfile.TemporaryDirectory() as home:
            command = [path, "version"]
            done = subprocess.run(
                command, env=environment(Path(home), {}), capture_output=True, text=True, timeout=60, check=False
            )
        if re.match(r"fly(ctl)? v\S+ \S+/\S+ Commit: ", done.stdout):
            return path
    return ""


FLYCTL = real_flyctl()
pytestmark = pytest.mark.skipif(
    not FLYCTL, reason="Fly's own flyctl is not installed ('make contract' installs it, or says at its start why not)"
)

# (command, what its output holds, requests that it must have sent)
COMMANDS = [
    ("auth whoami", "owner@example.com", ["POST /graphql"]),
    ("orgs list --json", '"personal"', ["POST /graphql"]),
    (
        "apps create {app} --org personal --json",
        '"Name": "{app}"',
        ["POST /graphql", "POST /v1/apps", "GET /v1/apps/{app}"],
    ),
    ("apps list --json", '"Name": "{app}"', ["POST /graphql"]),
    ("secrets set -a {app} --stage SEEN_BY=client", "Secrets have been staged", ["POST /v1/apps/{app}/secrets"]),
    ("secrets set -a {app} SECOND=2", "staged for the first deployment", ["POST /v1/apps/{app}/secrets"]),
    ("secrets list -a {app}", "SEEN_BY", ["GET /v1/apps/{app}/secrets", "GET /v1/apps/{app}/machines"]),
    ("secrets list -a {app} --json", '"status": "Staged"', ["GET /v1/apps/{app}/secrets"]),
    ("secrets unset -a {app} --stage SECOND", "Secrets have been staged", ["POST /v1/apps/{app}/secrets"]),
    ("secrets sync -a {app}", "", ["POST /v1/apps/{app}/secrets"]),
    ("config validate -a {app} -c {config} --strict", "Configuration is valid", []),
    (DEPLOY, "Visit your newly deployed app", [*DEPLOYED, "POST /v1/apps/{app}/ip_assignments"]),
    (DEPLOY, "Updating existing machines", [*DEPLOYED, "POST /v1/apps/{app}/machines/*/lease"]),
    ("status -a {app}", "started", ["POST /graphql", "GET /v1/apps/{app}/machines"]),
    ("status -a {app} --json", '"Deployed": true', ["POST /graphql", "GET /v1/apps/{app}/machines"]),
    ("machines list -a {app} --json", '"fly_process_group": "web"', ["GET /v1/apps/{app}/machines"]),
    ("releases -a {app} --json", '"Status": "complete"', ["POST /graphql"]),
    ("config show -a {app}", '"processes"', ["POST /graphql"]),
    ("ips list -a {app} --json", '"Type": "shared_v4"', ["POST /graphql"]),
    ("logs -n -a {app}", "migrated", ["GET /api/v1/apps/{app}/logs"]),
    ("scale count -a {app} worker=2 --yes", "Executing scale plan", ["POST /v1/apps/{app}/machines"]),
    ("scale count -a {app} worker=1 --yes", "Destroyed", ["DELETE /v1/apps/{app}/machines/*"]),
    ("secrets set -a {app} THIRD=3 --dns-checks=false", "Updating existing machines", ["POST /api/v1/releases"]),
    ("secrets list -a {app} --json", '"status": "Deployed"', ["GET /api/v1/apps/{app}/releases"]),
    ("secrets deploy -a {app} --dns-checks=false", "Updating existing machines", ["POST /api/v1/releases"]),
    (
        "certs add www.client.example -a {app} --json",
        '"hostname": "www.client.example"',
        ["POST /v1/apps/{app}/certificates/acme"],
    ),
    ("certs list -a {app} --json", '"hostname": "www.client.example"', ["GET /v1/apps/{app}/certificates"]),
    (
        "certs show www.client.example -a {app} --json",
        '"status": "pending_validation"',
        ["POST /v1/apps/{app}/certificates/www.client.example/check"],
    ),
    (
        "redis create --name client-redis --org personal --region iad --no-replicas --disable-eviction"
        " --enable-prodpack=false",
        "client-redis is ready",
        ["POST /graphql"],
    ),
]


class Client:
    """The real client, in a folder of its own."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self._folder = folder
        # It drops a macaroon that it cannot decode, and uses the other token.
        names = ("FLY_API_TOKEN", "FLY_API_BASE_URL", "FLY_FLAPS_BASE_URL", "FLY_UIEX_BASE_URL")
        self._environment = environment(folder, {name: sandbox.environment[name] for name in names})
        assert all("127.0.0.1" in self._environment[name] for name in names[1:])
        (folder / "fly.toml").write_text(FLY_TOML)
        (folder / "Dockerfile").write_text("FROM scratch\n")
        self.words = {
            "app": OWN_APP,
            "config": str(folder / "fly.toml"),
            "image": f"registry.fly.io/{OWN_APP}:deployment-one",
        }

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [FLYCTL, *command.format(**self.words).split()],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def read(self, command: str) -> Any:
        done = self.run(command)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def push(self) -> None:
        """Put an image into the sandbox's registry, as there is no builder in it."""
        source = self._folder / "source"
        source.mkdir()
        (source / "index.html").write_text("hello\n")
        headers = {
            "Authorization": f"Bearer {self._environment['FLY_API_TOKEN'].partition(',')[0]}",
            "Content-Type": "application/json",
        }
        url = f"{self._environment['FLY_FLAPS_BASE_URL']}/registry/{OWN_APP}/deployment-one"
        body = json.dumps({"source": str(source)}).encode()
        urllib.request.urlopen(urllib.request.Request(url, body, headers, method="PUT"), timeout=30).close()

    def end(self) -> None:
        """End the agent, which it starts for the log of a release command, and leaves running."""
        self.run("agent stop")


def shown(command: str) -> str:
    """Return a command for the printed table."""
    return command.format(app="APP", config="FLY.TOML", image="IMAGE")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("flyctl")
    (folder / "client").mkdir()
    sandbox = Sandbox(folder / "box").up()
    client = Client(sandbox, folder / "client")
    client.push()
    yield client
    client.end()
    sandbox.down()


@pytest.mark.parametrize(("command", "part", "requests"), COMMANDS, ids=[row[0].split(" -c")[0] for row in COMMANDS])
def test_command_works_against_the_sandbox(client: Client, note: Any, command: str, part: str, requests: Any) -> None:
    before = len(client.sandbox.requests())
    done = client.run(command)
    sent = client.sandbox.requests()[before:]
    good = done.returncode == 0 and part.format(**client.words) in done.stdout + done.stderr
    note(f"flyctl {shown(command)}", sent, "works" if good else "FAILS")
    assert good, done.stdout + done.stderr
    for wanted in requests:
        assert any(fnmatchcase(f"{r['method']} {r['path']}", wanted.format(**client.words)) for r in sent), wanted


@pytest.mark.parametrize(
    ("command", "part"),
    [
        ("status -a no-such-app", "Could not find App"),
        ("apps create taken-elsewhere --org personal", "already been taken"),
        ("scale count -a {app} clock=1 --yes", "unknown process groups"),
        ("secrets import -a {app} --stage", "requires at least one SECRET=VALUE pair"),
        # Managed Postgres requires a macaroon, and an invented one cannot be decoded.
        ("mpg list --org personal --json", "MPG commands require updated tokens"),
        (
            "deploy -a {app} -c {config} --remote-only --yes --build-only --push --depot=true --builder-pool=false",
            "the sandbox has no builder",
        ),
    ],
)
def test_refusal_is_told_in_its_own_words(client: Client, note: Any, command: str, part: str) -> None:
    before = len(client.sandbox.requests())
    done = client.run(command)
    good = done.returncode == 1 and part in done.stdout + done.stderr
    note(f"flyctl {shown(command)}", client.sandbox.requests()[before:], "refuses" if good else "FAILS")
    assert good, done.stdout + done.stderr


def test_the_client_sees_what_our_role_did(client: Client) -> None:
    client.sandbox.play("migrate").succeeded()
    ours = client.sandbox.fly
    secrets = {secret["name"]: secret["status"] for secret in client.read(f"secrets list -a {APP} --json")}
    assert secrets == dict.fromkeys(ours["secrets"], "Deployed")
    groups = [
        machine["config"]["metadata"]["fly_process_group"] for machine in client.read(f"machines list -a {APP} --json")
    ]
    assert sorted(groups) == sorted(machine["group"] for machine in ours["machines"])
    certificates = {entry["hostname"] for entry in client.read(f"certs list -a {APP} --json")}
    assert certificates == {entry["hostname"] for entry in ours["certificates"]}
    addresses = {entry["Address"] for entry in client.read(f"ips list -a {APP} --json")}
    assert addresses == {entry["ip"] for entry in ours["ips"]}
    (newest, *_older) = client.read(f"releases -a {APP} --json")
    assert (newest["Version"], newest["Status"]) == (ours["releases"][-1]["version"], "complete")
    assert client.read(f"status -a {APP} --json")["Deployed"] is True


def test_what_the_client_changes_our_next_check_sees(client: Client) -> None:
    client.sandbox.play("migrate").succeeded()
    assert client.run(f"secrets unset -a {APP} --stage RACK_ENV").returncode == 0
    assert client.run(f"certs remove www.example.com -a {APP} --yes").returncode == 0
    before = client.sandbox.writes()
    run = client.sandbox.play("migrate", "--check", "-e", '{"migrate_steps": ["secrets", "domains"]}').succeeded()
    assert '"RACK_ENV": "set"' in run.output
    assert run.output.count('": "set"') == 1
    assert run.changed == 2
    assert client.sandbox.writes() == before
