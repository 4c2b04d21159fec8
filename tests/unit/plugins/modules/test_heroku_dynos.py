# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku import dynos
from ansible_collections.flyover.heroku_to_fly.plugins.modules import heroku_dynos

PATH = "/apps/paper-crane"
ARGS = {"heroku_api_key": "HRKU-canary", "app": "paper-crane"}
FORMATION = [{"type": "web", "quantity": 1, "size": "Basic", "command": "puma"}]


def dyno(name: str, command: str = "rake report") -> dict[str, Any]:
    return {"name": name, "type": name.partition(".")[0], "state": "up", "command": command, "created_at": "then"}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynos, "POLL_SECONDS", 0)


def test_lists_what_does_not_belong_to_the_formation(http: Any, run_module: Any) -> None:
    http.expect("GET", f"{PATH}/formation", FORMATION)
    http.expect(
        "GET", f"{PATH}/dynos", [dyno("web.1", "puma"), dyno("run.7", "bin/rails\n console"), dyno("scheduler.9")]
    )
    result = run_module(heroku_dynos, ARGS)
    assert result["changed"] is False
    assert result["dynos"] == [
        {"name": "run.7", "type": "run", "command": "bin/rails console", "since": "then"},
        {"name": "scheduler.9", "type": "scheduler", "command": "rake report", "since": "then"},
    ]
    (finding,) = result["findings"]
    assert (finding["id"], finding["level"]) == ("one-off-dynos", "warn")
    assert "run.7: bin/rails console; scheduler.9: rake report" in finding["text"]


def test_nothing_there_is_nothing_to_say(http: Any, run_module: Any) -> None:
    http.expect("GET", f"{PATH}/formation", FORMATION)
    http.expect("GET", f"{PATH}/dynos", [dyno("web.1")])
    result = run_module(heroku_dynos, {**ARGS, "state": "stopped"})
    assert (result["changed"], result["dynos"], result["findings"]) == (False, [], [])


def test_stops_also_what_starts_meanwhile_and_waits(http: Any, run_module: Any) -> None:
    http.expect("GET", f"{PATH}/formation", FORMATION)
    http.expect("GET", f"{PATH}/dynos", [dyno("run.7", "x" * 300)])
    http.expect("POST", f"{PATH}/dynos/run.7/actions/stop", {}, status=202)
    http.expect("GET", f"{PATH}/dynos", [dyno("run.7"), dyno("scheduler.9")])
    http.expect("POST", f"{PATH}/dynos/scheduler.9/actions/stop", {"id": "not_found", "message": "gone"}, status=404)
    http.expect("GET", f"{PATH}/dynos", [dyno("run.7")])
    http.expect("GET", f"{PATH}/dynos", [])
    result = run_module(heroku_dynos, {**ARGS, "state": "stopped"})
    assert (result["changed"], [row["name"] for row in result["dynos"]]) == (True, ["run.7", "scheduler.9"])
    assert "were stopped" in result["findings"][0]["text"]


def test_check_mode_stops_nothing(http: Any, run_module: Any) -> None:
    http.expect("GET", f"{PATH}/formation", FORMATION)
    http.expect("GET", f"{PATH}/dynos", [dyno("run.7", "x" * 300)])
    result = run_module(heroku_dynos, {**ARGS, "state": "stopped"}, check_mode=True)
    assert (result["changed"], len(result["dynos"][0]["command"])) == (True, 200)


def test_one_that_does_not_end_is_named(http: Any, run_module: Any) -> None:
    http.expect("GET", f"{PATH}/formation", FORMATION)
    http.expect("GET", f"{PATH}/dynos", [dyno("run.7")])
    http.expect("POST", f"{PATH}/dynos/run.7/actions/stop", {}, status=202)
    http.expect("GET", f"{PATH}/dynos", [dyno("run.7")])
    message = run_module(heroku_dynos, {**ARGS, "state": "stopped", "wait_timeout": 0})["msg"]
    assert "still running after 0 seconds: run.7" in message
