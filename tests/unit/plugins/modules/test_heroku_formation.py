# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.modules import heroku_formation

PATH = "/apps/paper-crane"
ARGS = {"heroku_api_key": "HRKU-canary", "app": "paper-crane", "quantities": {"web": 0, "worker": 0}}


def formation(web: int, worker: int) -> list[dict[str, Any]]:
    return [
        {"type": "web", "quantity": web, "size": "Standard-1X", "command": "puma"},
        {"type": "worker", "quantity": worker, "size": "Standard-2X", "command": "sidekiq"},
        {"type": "release", "quantity": 0, "size": "Standard-1X", "command": "rake db:migrate"},
    ]


def dyno(name: str, state: str = "up") -> dict[str, Any]:
    return {"name": name, "type": name.partition(".")[0], "state": state}


def test_scales_once_and_waits_until_all_are_gone(http: Any, run_module: Any) -> None:
    updates = [{"type": "web", "quantity": 0}, {"type": "worker", "quantity": 0}]
    http.expect("GET", f"{PATH}/formation", formation(2, 1))
    http.expect("PATCH", f"{PATH}/formation", formation(0, 0)[:2], body={"updates": updates})
    http.expect("GET", f"{PATH}/dynos", [dyno("web.1"), dyno("web.2"), dyno("worker.1")])
    http.expect("GET", f"{PATH}/dynos", [dyno("worker.1", "down")])
    http.expect("GET", f"{PATH}/dynos", [])
    result = run_module(heroku_formation, ARGS, diff=True)
    assert result["changed"] is True
    assert result["before"] == {"web": 2, "worker": 1, "release": 0}
    assert result["after"] == {"web": 0, "worker": 0, "release": 0}
    assert result["diff"] == {"before": "web: 2\nworker: 1\n", "after": "web: 0\nworker: 0\n"}
    assert result["other_dynos"] == []


def test_only_what_differs_is_sent(http: Any, run_module: Any) -> None:
    http.expect("GET", f"{PATH}/formation", formation(0, 1))
    updates = [{"type": "worker", "quantity": 0}]
    http.expect("PATCH", f"{PATH}/formation", formation(0, 0)[1:2], body={"updates": updates})
    http.expect("GET", f"{PATH}/dynos", [])
    assert run_module(heroku_formation, ARGS)["changed"] is True


def test_waits_until_all_are_up(http: Any, run_module: Any) -> None:
    http.expect("GET", f"{PATH}/formation", formation(0, 0))
    updates = [{"type": "web", "quantity": 2}]
    http.expect("PATCH", f"{PATH}/formation", formation(2, 0)[:1], body={"updates": updates})
    http.expect("GET", f"{PATH}/dynos", [])
    http.expect("GET", f"{PATH}/dynos", [dyno("web.1"), dyno("web.2", "starting")])
    http.expect("GET", f"{PATH}/dynos", [dyno("web.1"), dyno("web.2", "idle")])
    # A template turned the number into a string.
    result = run_module(heroku_formation, {**ARGS, "quantities": {"web": "2"}})
    assert (result["changed"], result["after"]["web"]) == (True, 2)


def test_check_mode_predicts_and_writes_nothing(http: Any, run_module: Any) -> None:
    http.expect("GET", f"{PATH}/formation", formation(2, 1))
    http.expect("GET", f"{PATH}/dynos", [dyno("web.1"), dyno("run.77")])
    result = run_module(heroku_formation, ARGS, check_mode=True, diff=True)
    assert (result["changed"], result["after"]["web"], result["other_dynos"]) == (True, 0, ["run.77"])
    assert result["diff"]["after"] == "web: 0\nworker: 0\n"


def test_second_run_changes_nothing_but_still_waits(http: Any, run_module: Any) -> None:
    http.expect("GET", f"{PATH}/formation", formation(0, 0))
    http.expect("GET", f"{PATH}/dynos", [dyno("worker.1")])
    http.expect("GET", f"{PATH}/dynos", [])
    assert run_module(heroku_formation, ARGS)["changed"] is False


def test_dynos_outside_the_formation_are_stopped_on_request(http: Any, run_module: Any) -> None:
    http.expect("GET", f"{PATH}/formation", formation(0, 0))
    http.expect("GET", f"{PATH}/formation", formation(0, 0))
    http.expect("GET", f"{PATH}/dynos", [dyno("run.77"), dyno("worker.1")])
    http.expect("POST", f"{PATH}/dynos/run.77/actions/stop", {}, status=202)
    http.expect("GET", f"{PATH}/dynos", [dyno("worker.1")])
    http.expect("GET", f"{PATH}/dynos", [dyno("worker.1")])
    http.expect("GET", f"{PATH}/dynos", [])
    result = run_module(heroku_formation, {**ARGS, "stop_other_dynos": True})
    assert result["changed"] is True
    assert [one["name"] for one in result["stopped_dynos"]] == ["run.77"]
    assert [finding["id"] for finding in result["findings"]] == ["one-off-dynos"]
    assert result["other_dynos"] == []


def test_in_check_mode_they_are_only_named(http: Any, run_module: Any) -> None:
    http.expect("GET", f"{PATH}/formation", formation(0, 0))
    http.expect("GET", f"{PATH}/formation", formation(0, 0))
    http.expect("GET", f"{PATH}/dynos", [dyno("run.77")])
    http.expect("GET", f"{PATH}/dynos", [dyno("run.77")])
    result = run_module(heroku_formation, {**ARGS, "stop_other_dynos": True}, check_mode=True)
    assert (result["changed"], result["stopped_dynos"][0]["name"]) == (True, "run.77")


def test_without_wait(http: Any, run_module: Any) -> None:
    http.expect("GET", f"{PATH}/formation", formation(0, 0))
    http.expect("GET", f"{PATH}/dynos", [dyno("worker.1")])
    assert run_module(heroku_formation, {**ARGS, "wait": False})["changed"] is False


def test_other_dynos_are_named_with_a_warning(http: Any, run_module: Any) -> None:
    http.expect("GET", f"{PATH}/formation", formation(0, 0))
    http.expect("GET", f"{PATH}/dynos", [dyno("scheduler.4"), dyno("run.77")])
    result = run_module(heroku_formation, ARGS)
    assert result["other_dynos"] == ["run.77", "scheduler.4"]
    assert "run.77, scheduler.4" in str(result["warnings"])


def test_release_phase_has_no_dyno_to_wait_for(http: Any, run_module: Any) -> None:
    http.expect("GET", f"{PATH}/formation", [{**formation(0, 0)[2], "quantity": 1}])
    http.expect("GET", f"{PATH}/dynos", [])
    assert run_module(heroku_formation, {**ARGS, "quantities": {"release": 1}})["changed"] is False


@pytest.mark.parametrize(
    ("quantities", "dynos", "late"),
    [
        ({"worker": 0}, [dyno("worker.1", "up")], ["worker.1 is still up"]),
        ({"web": 1}, [dyno("web.1", "crashed")], ["0 of 1 dynos of web are up (web.1 crashed)"]),
        ({"web": 1}, [], ["0 of 1 dynos of web are up (none exist)"]),
        ({"web": 1}, [dyno("web.1"), dyno("web.2")], ["2 of 1 dynos of web are up (web.1 up, web.2 up)"]),
    ],
)
def test_time_is_over(http: Any, run_module: Any, quantities: Any, dynos: Any, late: list[str]) -> None:
    http.expect("GET", f"{PATH}/formation", formation(quantities.get("web", 0), 0))
    http.expect("GET", f"{PATH}/dynos", dynos)
    result = run_module(heroku_formation, {**ARGS, "quantities": quantities, "wait_timeout": 0})
    assert result["failed"]
    assert result["late"] == late
    for part in ("paper-crane", "after 0 seconds", "heroku ps"):
        assert part in result["msg"]


def test_unknown_type_is_refused_before_any_write(http: Any, run_module: Any) -> None:
    http.expect("GET", f"{PATH}/formation", formation(2, 1))
    result = run_module(heroku_formation, {**ARGS, "quantities": {"web": 0, "wroker": 0}})
    assert result["failed"]
    assert "no process type wroker" in result["msg"]
    assert "release, web, worker" in result["msg"]


@pytest.mark.parametrize("value", [-1, "two", "-1", 1.5, True, None, [1]])
def test_no_number_of_dynos(http: Any, run_module: Any, value: Any) -> None:
    result = run_module(heroku_formation, {**ARGS, "quantities": {"web": value}})
    assert result["failed"]
    assert "process type web" in result["msg"]


def test_refused_write(http: Any, run_module: Any) -> None:
    http.expect("GET", f"{PATH}/formation", formation(0, 0))
    answer = {"id": "invalid_params", "message": "Cannot mix eco and standard dynos."}
    http.expect("PATCH", f"{PATH}/formation", answer, status=422, headers={"Request-Id": "r-9"})
    result = run_module(heroku_formation, {**ARGS, "quantities": {"web": 1}})
    assert result["failed"]
    for part in ("formation of Heroku app paper-crane", "Cannot mix", "HTTP 422", "r-9"):
        assert part in result["msg"]


def test_a_release_made_meanwhile_is_found_when_the_dynos_are_down(http: Any, run_module: Any) -> None:
    for version in (42, 43):
        http.expect("GET", f"{PATH}/formation", formation(0, 0))
        http.expect("GET", f"{PATH}/dynos", [])
        http.expect("GET", f"{PATH}/releases", [{"version": version}])
    assert run_module(heroku_formation, {**ARGS, "expected_release": 42})["changed"] is False
    result = run_module(heroku_formation, {**ARGS, "expected_release": 42})
    assert result["failed"]
    assert "its newest release is v43, not v42" in result["msg"]
