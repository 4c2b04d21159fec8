# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A proxy answers instead of a platform: its page is never taken for an empty list or a missing app."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.modules import fly_app_info, fly_machines, fly_redis, heroku_app

PAGE = b"\n<!DOCTYPE html><title>Please log in</title>"
FLY = {"fly_api_token": "fm2_canary"}
MACHINES = "/v1/apps/paper-crane/machines"


@pytest.mark.parametrize(
    ("status", "answer"), [(200, PAGE), (200, b"Please log in"), (302, PAGE), (403, PAGE), (404, PAGE), (407, PAGE)]
)
def test_page_is_not_an_app_without_machines(http: Any, run_module: Any, status: int, answer: bytes) -> None:
    http.expect("GET", MACHINES, answer, status=status)
    result = run_module(fly_machines, {**FLY, "app": "paper-crane", "groups": ["web"], "state": "stopped"})
    assert result["failed"]
    assert f"the answer is not JSON (HTTP {status}" in result["msg"]
    assert "a proxy that wants a login" in result["msg"]
    assert result["status"] == status


def test_page_is_not_a_free_name(http: Any, run_module: Any) -> None:
    http.expect("GET", "/v1/apps/paper-crane", PAGE, status=404)
    assert "the answer is not JSON" in run_module(fly_app_info, {**FLY, "name": "paper-crane"})["msg"]


def test_page_in_place_of_a_graphql_answer(http: Any, run_module: Any) -> None:
    http.expect("POST", "/graphql", PAGE)
    options = {**FLY, "name": "paper-crane-redis", "org": "personal", "region": "iad"}
    assert "the answer is not JSON" in run_module(fly_redis, options)["msg"]


def test_page_is_not_a_stopped_machine(http: Any, run_module: Any) -> None:
    config = {"metadata": {"fly_platform_version": "v2", "fly_process_group": "web"}, "services": []}
    http.expect("GET", MACHINES, [{"id": "m1", "state": "started", "instance_id": "v1", "config": config}])
    http.expect("POST", f"{MACHINES}/m1/stop", PAGE)
    result = run_module(fly_machines, {**FLY, "app": "paper-crane", "groups": ["web"], "state": "stopped"})
    assert "the answer is not JSON" in result["msg"]


def test_page_in_place_of_heroku(http: Any, run_module: Any) -> None:
    http.expect("GET", "/apps/paper-crane", PAGE)
    result = run_module(heroku_app, {"heroku_api_key": "HRKU-1", "app": "paper-crane", "maintenance": False})
    assert "the answer was not JSON (HTTP 200" in result["msg"]
    assert "a proxy that wants a login" in result["msg"]


def test_text_after_a_change_is_no_failure(http: Any, run_module: Any) -> None:
    config = {"metadata": {"fly_platform_version": "v2", "fly_process_group": "web"}, "services": []}
    http.expect("GET", MACHINES, [{"id": "m1", "state": "started", "instance_id": "v1", "config": config}])
    http.expect("POST", f"{MACHINES}/m1/stop", b"OK")
    http.expect("GET", f"{MACHINES}/m1/wait", {"ok": True})
    assert run_module(fly_machines, {**FLY, "app": "paper-crane", "groups": ["web"], "state": "stopped"})["changed"]
