# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both sides after a rehearsal, seen from outside: files, processes and the app over HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.request import urlopen


def test_fly_toml_has_the_processes_and_its_comments(host: Any, box: Path) -> None:
    toml = host.file(str(box / "source" / "fly.toml"))
    assert toml.contains("# ")
    assert toml.contains(r"\[processes\]")
    assert toml.contains(r"processes = \[.web.\]")


def test_ledger_is_private(host: Any, box: Path) -> None:
    assert host.file(str(box / "state" / "paper-crane--paper-crane.json")).mode == 0o600


def test_heroku_serves_as_before(state: dict[str, Any], writes: list[dict[str, Any]]) -> None:
    app = state["heroku"]["apps"]["paper-crane"]
    assert app["maintenance"] is False
    assert [app["formation"][name]["quantity"] for name in ("web", "worker")] == [2, 1]
    assert [request for request in writes if request["service"] == "heroku"] == []


def test_only_web_runs_on_fly(state: dict[str, Any]) -> None:
    machines = state["fly"]["apps"]["paper-crane"]["machines"]
    assert sorted(machine["group"] for machine in machines if machine["state"] == "started") == ["web", "web"]


def test_app_reads_its_new_database(state: dict[str, Any]) -> None:
    web = next(m for m in state["fly"]["apps"]["paper-crane"]["machines"] if m["group"] == "web")
    with urlopen(web["url"], timeout=10) as answer:
        assert json.load(answer)["rows"] > 0
