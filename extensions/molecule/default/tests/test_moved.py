# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both sides after the cut-over, seen from outside: files, processes and the app over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

BOX = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "box"


@pytest.fixture(scope="module")
def state() -> dict[str, Any]:
    output = subprocess.run(
        [sys.executable, "-m", "tests.sandbox", "state", str(BOX)],
        cwd=os.environ["MOLECULE_PROJECT_DIRECTORY"],
        check=True,
        capture_output=True,
    ).stdout
    answer: dict[str, Any] = json.loads(output)
    return answer


def test_fly_toml_has_the_processes_and_its_comments(host: Any) -> None:
    toml = host.file(str(BOX / "source" / "fly.toml"))
    assert toml.contains("# ")
    assert toml.contains(r"\[processes\]")
    assert toml.contains(r"processes = \[.web.\]")


def test_ledger_is_private_and_holds_no_secret(host: Any, state: dict[str, Any]) -> None:
    ledger = host.file(str(BOX / "state" / "paper-crane--paper-crane.json"))
    assert ledger.mode == 0o600
    config = state["heroku"]["apps"]["paper-crane"]["config"]
    for name, value in config.items():
        if len(value) > 12:
            assert json.dumps(value)[1:-1] not in ledger.content_string, name


def test_heroku_is_frozen(state: dict[str, Any]) -> None:
    app = state["heroku"]["apps"]["paper-crane"]
    assert app["maintenance"] is True
    assert {entry["quantity"] for entry in app["formation"].values()} == {0}


def test_every_group_runs_on_fly(state: dict[str, Any]) -> None:
    machines = state["fly"]["apps"]["paper-crane"]["machines"]
    groups = sorted(machine["group"] for machine in machines if machine["state"] == "started")
    assert groups == ["web", "web", "worker"]


def test_app_reads_its_new_database(state: dict[str, Any]) -> None:
    web = next(m for m in state["fly"]["apps"]["paper-crane"]["machines"] if m["group"] == "web")
    with urlopen(web["url"], timeout=10) as answer:
        assert json.load(answer)["rows"] > 0
