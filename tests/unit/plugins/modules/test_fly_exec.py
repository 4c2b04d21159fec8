# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.modules import fly_exec

APP = {"id": "a1", "name": "paper-crane", "organization": {"slug": "personal"}, "status": "deployed"}
ARGS = {"fly_api_token": "fm2_canary", "app": "paper-crane", "argv": ["bin/rails", "about"], "timeout": 9}
PATH = "/v1/apps/paper-crane"


def machine(number: str, group: str, state: str) -> dict[str, Any]:
    metadata = {"fly_platform_version": "v2", "fly_process_group": group}
    return {"id": number, "state": state, "config": {"metadata": metadata}}


def expect_machines(http: Any, *machines: dict[str, Any]) -> None:
    http.expect("GET", PATH, APP)
    http.expect("GET", f"{PATH}/machines", list(machines))


def test_runs_in_a_started_machine_of_the_group(http: Any, run_module: Any) -> None:
    expect_machines(
        http, machine("m1", "web", "started"), machine("m2", "worker", "stopped"), machine("m3", "worker", "started")
    )
    body = {"command": ["bin/rails", "about"], "timeout": 9}
    http.expect("POST", f"{PATH}/machines/m3/exec", {"stdout": "up\n"}, body=body)
    result = run_module(fly_exec, {**ARGS, "group": "worker"})
    assert (result["rc"], result["stdout"], result["stderr"], result["machine"]) == (0, "up\n", "", "m3")


def test_failing_command_fails_the_task(http: Any, run_module: Any) -> None:
    expect_machines(http, machine("m1", "web", "started"))
    http.expect("POST", f"{PATH}/machines/m1/exec", {"exit_code": 3, "stderr": "no such thing"})
    result = run_module(fly_exec, ARGS)
    assert result["failed"]
    assert (result["rc"], result["stderr"]) == (3, "no such thing")


def test_command_that_a_signal_ended_fails_the_task(http: Any, run_module: Any) -> None:
    expect_machines(http, machine("m1", "web", "started"))
    http.expect("POST", f"{PATH}/machines/m1/exec", {"exit_signal": 9, "stdout": "half of"})
    result = run_module(fly_exec, ARGS)
    assert (result["failed"], result["rc"], result["stdout"]) == (True, 137, "half of")


def test_command_that_takes_its_time_is_waited_for(http: Any, run_module: Any) -> None:
    expect_machines(http, machine("m1", "web", "started"))
    http.expect("POST", f"{PATH}/machines/m1/exec", {}, at_least=300)
    assert run_module(fly_exec, {**ARGS, "timeout": 300})["rc"] == 0


def test_no_started_machine(http: Any, run_module: Any) -> None:
    expect_machines(http, machine("m1", "web", "stopped"))
    assert "it has no started Machine in the process group web" in run_module(fly_exec, {**ARGS, "group": "web"})["msg"]


def test_is_skipped_in_check_mode(http: Any, run_module: Any) -> None:
    assert run_module(fly_exec, ARGS, check_mode=True)["skipped"] is True
