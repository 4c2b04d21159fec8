# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both sides after the cut-over, seen from outside: files, processes and the app over HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.request import urlopen


def test_ledger_is_private_and_holds_no_secret(host: Any, box: Path, state: dict[str, Any]) -> None:
    ledger = host.file(str(box / "state" / "paper-crane--paper-crane.json"))
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


def test_each_platform_got_no_more_writes_than_a_cut_over_needs(writes: list[dict[str, Any]]) -> None:
    heroku = [request for request in writes if request["service"] == "heroku"]
    # Maintenance mode and the formation, once each: the second run wrote nothing.
    assert sorted(request["path"] for request in heroku) == ["/apps/paper-crane", "/apps/paper-crane/formation"]
