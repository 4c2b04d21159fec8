# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One small sandbox for all these tests, driven by its command line and over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
SCENARIO = """
heroku_app: small-app
config: {SECRET_KEY_BASE: "abc#def", OWN: "x"}
runtime_env: {OWN: "unseen", LANG: cs_CZ.UTF-8}
addons:
  - {plan: "heroku-postgresql:standard-0", as: DATABASE, color: RED}
  - {plan: "heroku-redis:mini", as: CACHE, commands: seed.redis}
  - {plan: "sendgrid:starter", as: SENDGRID, config: {SENDGRID_USERNAME: "u"}}
formation: {web: {quantity: 2, size: Basic}, clock: {quantity: 1, size: Basic, command: "bin/clock"}}
domains: [www.example.org]
source: app
fly_org: acme
"""


def command(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the sandbox's command line."""
    return subprocess.run(
        [sys.executable, "-m", "tests.sandbox", *words], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )


def write_scenario(folder: Path, text: str = SCENARIO) -> Path:
    """Write a scenario and what it names."""
    (folder / "app").mkdir(parents=True)
    (folder / "app" / "Procfile").write_text("web: python3 -m http.server $PORT\nrelease: true\n")
    (folder / "seed.redis").write_text('# a comment\nSET greeting "hello\\nworld"\nHSET h a 1 b 2\n')
    path = folder / "scenario.yml"
    path.write_text(text)
    return path


@dataclass
class Answer:
    """One answer over HTTP."""

    status: int
    headers: dict[str, str]
    body: Any


class Box:
    """A running sandbox."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        done = command("env", "--json", str(directory))
        assert done.returncode == 0, done.stderr
        self.environment: dict[str, str] = json.loads(done.stdout)

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(command("state", str(self.directory)).stdout)
        return found

    def requests(self, *options: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in command("requests", str(self.directory), *options).stdout.splitlines()]

    def heroku(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        sent = {
            "Accept": "application/vnd.heroku+json; version=3",
            "Authorization": f"Bearer {self.environment['HEROKU_API_KEY']}",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return self._send(self.environment["HEROKU_API_URL"], method, path, body, sent)

    def fly(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        # The Machines API takes one kind of token at a time.
        sent = {"Authorization": f"Bearer {self.environment['FLY_API_TOKEN'].partition(',')[0]}", **headers}
        return self._send(self.environment["FLY_FLAPS_BASE_URL"], method, path, body, sent)

    def _send(self, base: str, method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers = {"Content-Type": "application/json", **headers}
        request = urllib.request.Request(base + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return self._answer(answer)
        except urllib.error.HTTPError as error:
            return self._answer(error)

    def _answer(self, answer: Any) -> Answer:
        content = answer.read()
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status, headers, json.loads(content) if content else None)


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    folder = tmp_path_factory.mktemp("sandbox")
    done = command("up", str(folder / "box"), "--scenario", str(write_scenario(folder)))
    assert done.returncode == 0, done.stderr
    yield Box(folder / "box")
    assert command("down", str(folder / "box")).returncode == 0
