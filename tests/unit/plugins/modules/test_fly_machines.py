# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly import running
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.running import plan
from ansible_collections.flyover.heroku_to_fly.plugins.modules import fly_machines

ARGS = {"fly_api_token": "fm2_canary", "app": "paper-crane"}
PATH = "/v1/apps/paper-crane/machines"
OPEN = [{"internal_port": 8080}]


def machine(number: str, group: str, state: str, **more: Any) -> dict[str, Any]:
    metadata = {"fly_platform_version": "v2", "fly_process_group": group, **more.pop("metadata", {})}
    config = {"metadata": metadata, "services": more.pop("services", []), "standbys": more.pop("standbys", [])}
    return {"id": number, "state": state, "instance_id": f"v-{number}", "config": config, "cordoned": False, **more}


def expect_wait(http: Any, number: str, state: str, **more: Any) -> None:
    http.expect("GET", f"{PATH}/{number}/wait", {"ok": True}, **more)


def test_nothing_asked_for_is_a_look(http: Any, run_module: Any) -> None:
    http.expect(
        "GET", PATH, [machine("m1", "web", "started", metadata={"note": "x"}), machine("m0", "worker", "stopped")]
    )
    result = run_module(fly_machines, ARGS)
    assert result["changed"] is False
    assert [(m["id"], m["group"], m["state"]) for m in result["machines"]] == [
        ("m1", "web", "started"),
        ("m0", "worker", "stopped"),
    ]
    assert result["machines"][0]["metadata"]["note"] == "x"


def test_machine_with_services_is_cordoned_before_it_is_stopped(http: Any, run_module: Any) -> None:
    http.expect("GET", PATH, [machine("m1", "web", "started", services=OPEN), machine("m2", "worker", "started")])
    http.expect("POST", f"{PATH}/m1/cordon", {"ok": True})
    http.expect("POST", f"{PATH}/m1/stop", {"ok": True}, body={})
    expect_wait(http, "m1", "stopped")
    result = run_module(fly_machines, {**ARGS, "groups": ["web"], "state": "stopped"}, diff=True)
    assert result["changed"] is True
    assert [m["state"] for m in result["machines"]] == ["stopped", "started"]
    assert result["diff"] == {"before": "m1: started\n", "after": "m1: stopped\n"}


def test_started_machine_takes_requests_again(http: Any, run_module: Any) -> None:
    http.expect("GET", PATH, [machine("m1", "web", "stopped", services=OPEN, cordoned=True)])
    http.expect("POST", f"{PATH}/m1/start", {"previous_state": "stopped"})
    expect_wait(http, "m1", "started")
    http.expect("POST", f"{PATH}/m1/uncordon", {"ok": True})
    assert run_module(fly_machines, {**ARGS, "counts": {"web": "1"}})["machines"][0]["state"] == "started"


@pytest.mark.parametrize("left", [{"cordoned": False, "state": "stopped"}, {"cordoned": True, "state": "started"}])
def test_killed_between_two_requests_the_other_half_is_done(http: Any, run_module: Any, left: dict[str, Any]) -> None:
    http.expect("GET", PATH, [machine("m1", "web", left["state"], services=OPEN, cordoned=left["cordoned"])])
    if left["cordoned"]:
        http.expect("POST", f"{PATH}/m1/stop", {"ok": True})
        expect_wait(http, "m1", "stopped")
    else:
        http.expect("POST", f"{PATH}/m1/cordon", {"ok": True})
    assert run_module(fly_machines, {**ARGS, "groups": ["web"], "state": "stopped"})["changed"]


@pytest.mark.parametrize(
    "options",
    [{"groups": ["web"], "state": "stopped"}, {"counts": {"web": 0}}, {"metadata": {"note": "x", "none": None}}],
)
def test_second_time_changes_nothing(http: Any, run_module: Any, options: dict[str, Any]) -> None:
    present = machine("m1", "web", "stopped", services=OPEN, cordoned=True, metadata={"note": "x"})
    http.expect("GET", PATH, [present])
    assert run_module(fly_machines, {**ARGS, **options})["changed"] is False


def test_check_mode_predicts_and_sends_nothing(http: Any, run_module: Any) -> None:
    http.expect("GET", PATH, [machine("m1", "web", "started"), machine("m2", "web", "stopped")])
    options = {"counts": {"web": 2}, "metadata": {"note": {"web": 2}}}
    result = run_module(fly_machines, {**ARGS, **options}, check_mode=True)
    assert result["changed"] is True
    assert [(m["state"], m["metadata"]["note"]) for m in result["machines"]] == [("started", '{"web": 2}')] * 2


def test_metadata_are_set_and_removed_before_anything_moves(http: Any, run_module: Any) -> None:
    http.expect("GET", PATH, [machine("m1", "web", "started", metadata={"old": "1"})])
    http.expect("POST", f"{PATH}/m1/metadata/note", {"ok": True}, body={"value": "x"})
    http.expect("DELETE", f"{PATH}/m1/metadata/old", {"ok": True})
    http.expect("POST", f"{PATH}/m1/stop", {"ok": True})
    expect_wait(http, "m1", "stopped")
    options = {"metadata": {"note": "x", "old": None}, "groups": ["web"], "state": "stopped"}
    result = run_module(fly_machines, {**ARGS, **options})
    assert result["machines"][0]["metadata"].get("note") == "x"
    assert "old" not in result["machines"][0]["metadata"]


def test_lease_of_another_is_waited_for(http: Any, run_module: Any) -> None:
    http.expect("GET", PATH, [machine("m1", "web", "started")])
    http.expect("POST", f"{PATH}/m1/stop", {"error": "lease currently held"}, status=409)
    http.expect("GET", f"{PATH}/m1", machine("m1", "web", "started"))
    http.expect("POST", f"{PATH}/m1/stop", {"ok": True})
    expect_wait(http, "m1", "stopped")
    assert run_module(fly_machines, {**ARGS, "groups": ["web"], "state": "stopped"})["changed"]


def test_lease_that_stays_is_named(http: Any, run_module: Any) -> None:
    http.expect("GET", PATH, [machine("m1", "web", "started")])
    http.expect("POST", f"{PATH}/m1/stop", {"error": "lease currently held"}, status=409)
    http.expect("GET", f"{PATH}/m1", machine("m1", "web", "started"))
    http.expect("GET", f"{PATH}/m1/lease", {"data": {"owner": "ana@example.com", "expires_at": 0}})
    result = run_module(fly_machines, {**ARGS, "groups": ["web"], "state": "stopped", "wait_timeout": 0})
    assert result["failed"]
    assert "ana@example.com holds a lease on it" in result["msg"]
    assert "Machine m1 (process group web) of Fly app paper-crane" in result["msg"]


def test_machine_that_somebody_else_has_stopped_meanwhile_is_stopped(http: Any, run_module: Any) -> None:
    http.expect("GET", PATH, [machine("m1", "web", "started")])
    http.expect("POST", f"{PATH}/m1/stop", {"error": "failed_precondition"}, status=412)
    http.expect("GET", f"{PATH}/m1", machine("m1", "web", "stopped"))
    expect_wait(http, "m1", "stopped")
    assert run_module(fly_machines, {**ARGS, "groups": ["web"], "state": "stopped"})["changed"]


def test_wait_goes_on_when_one_request_is_over(http: Any, run_module: Any) -> None:
    http.expect("GET", PATH, [machine("m1", "web", "stopped")])
    http.expect("POST", f"{PATH}/m1/start", {})
    for status in (408, 503):
        expect_wait(http, "m1", "started", status=status)
    http.expect("GET", f"{PATH}/m1/wait", {"ok": True})
    assert run_module(fly_machines, {**ARGS, "groups": ["web"], "state": "started"})["changed"]


def test_machine_that_does_not_start_is_named(http: Any, run_module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    http.expect("GET", PATH, [machine("m1", "web", "stopped")])
    http.expect("POST", f"{PATH}/m1/start", {})
    http.expect("GET", f"{PATH}/m1", machine("m1", "web", "failed"))
    result = run_module(fly_machines, {**ARGS, "groups": ["web"], "state": "started", "wait_timeout": 0})
    assert "it is failed, not started" in result["msg"]
    assert "fly machine status m1 -a paper-crane" in result["msg"]


def test_app_that_is_not_there_has_nothing_to_stop(http: Any, run_module: Any) -> None:
    http.expect("GET", PATH, {"error": "no app"}, status=404)
    result = run_module(fly_machines, {**ARGS, "groups": ["web"], "state": "stopped"})
    assert (result["changed"], result["machines"]) == (False, [])
    http.expect("GET", PATH, {"error": "no app"}, status=404)
    assert run_module(fly_machines, {**ARGS, "counts": {"web": 1}})["failed"]


@pytest.mark.parametrize("value", ["x", -1, 1.5, True, None])
def test_number_that_is_none_is_refused(run_module: Any, value: Any) -> None:
    assert "group web" in run_module(fly_machines, {**ARGS, "counts": {"web": value}})["msg"]


def states(machines: list[dict[str, Any]], wanted: dict[str, int | None], state: str | None = None) -> dict[str, Any]:
    return {step.machine["id"]: step.wanted for step in plan("paper-crane", machines, wanted, state, {})}


def test_those_that_run_go_on() -> None:
    group = [machine("m1", "web", "stopped"), machine("m2", "web", "started"), machine("m3", "web", "started")]
    assert states(group, {"web": 1}) == {"m1": "stopped", "m2": "started", "m3": "stopped"}
    assert states(group, {"web": 3}) == {"m1": "started", "m2": "started", "m3": "started"}


def test_stand_by_is_stopped_and_never_started() -> None:
    group = [machine("m1", "worker", "stopped"), machine("m2", "worker", "started", standbys=["m1"])]
    assert states(group, {"worker": None}, "started") == {"m1": "started", "m2": "stopped"}
    assert states(group, {"worker": None}, "stopped") == {"m1": "stopped", "m2": "stopped"}


def test_foreign_and_short_lived_machines_are_left_alone_unless_named() -> None:
    foreign = {**machine("m1", "web", "started"), "config": {"metadata": {"fly_process_group": "web"}}}
    release = machine("m2", "fly_app_release_command", "started")
    gone = machine("m3", "web", "destroyed")
    assert states([foreign, release, gone], {"web": None}, "stopped") == {}
    wanted = {"fly_app_release_command": None, "web": None}
    assert states([foreign, release, gone], wanted, "stopped") == {"m2": "stopped"}


@pytest.mark.parametrize(("wanted", "state"), [({"web": 2}, None), ({"job": 1}, None), ({"job": None}, "started")])
def test_too_few_machines(wanted: dict[str, int | None], state: str | None) -> None:
    with pytest.raises(StateError, match="Deploy the group first"):
        states([machine("m1", "web", "stopped")], wanted, state)


def test_metadata_need_a_machine() -> None:
    with pytest.raises(StateError, match="no Machine to set metadata on"):
        plan("paper-crane", [], {}, None, {"note": "x"})


def test_all_are_tried_although_one_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    class Fly:
        def machines(self, app: str) -> list[dict[str, Any]]:
            return [machine(f"m{number}", "web", "started") for number in range(9)]

        def machine(self, app: str, number: str, method: str, path: str, *_rest: Any, **_options: Any) -> Any:
            if path == "/stop":
                tried.append(number)
                if number == "m0":
                    raise StateError("m0", "it does not stop", "")
            return {"state": "stopped"}

    with pytest.raises(StateError, match="m0"):
        running.ensure_machines(Fly(), "a", {"web": 0}, None, {}, 9, False)  # type: ignore[arg-type]
    assert sorted(tried) == [f"m{number}" for number in range(9)]
