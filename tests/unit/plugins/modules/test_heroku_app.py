# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.modules import heroku_app

APP = {"name": "paper-crane", "maintenance": False, "generation": {"name": "cedar"}}
ARGS = {"heroku_api_key": "HRKU-canary", "app": "paper-crane", "maintenance": True}


def test_turns_maintenance_on(http: Any, run_module: Any) -> None:
    http.expect("GET", "/apps/paper-crane", APP, request_headers={"Authorization": "Bearer HRKU-canary"})
    http.expect("PATCH", "/apps/paper-crane", {**APP, "maintenance": True}, body={"maintenance": True})
    result = run_module(heroku_app, ARGS, diff=True)
    assert result["changed"] is True
    assert result["diff"] == {"before": "maintenance: false\n", "after": "maintenance: true\n"}


def test_check_mode_predicts_and_writes_nothing(http: Any, run_module: Any) -> None:
    http.expect("GET", "/apps/paper-crane", APP)
    result = run_module(heroku_app, ARGS, check_mode=True)
    assert (result["changed"], result["before"], result["maintenance"]) == (True, False, True)


def test_second_run_changes_nothing(http: Any, run_module: Any) -> None:
    http.expect("GET", "/apps/paper-crane", {**APP, "maintenance": True})
    assert run_module(heroku_app, ARGS)["changed"] is False


def test_fir_app_is_refused_before_any_write(http: Any, run_module: Any) -> None:
    http.expect("GET", "/apps/paper-crane", {**APP, "generation": {"name": "fir"}})
    result = run_module(heroku_app, ARGS)
    assert result["failed"]
    assert "Fir" in result["msg"]


def test_transient_failures_are_repeated(http: Any, run_module: Any) -> None:
    http.expect("GET", "/apps/paper-crane", {"id": "rate_limit"}, status=429, headers={"Retry-After": "1"})
    http.expect("GET", "/apps/paper-crane", error=ConnectionResetError("peer"))
    http.expect("GET", "/apps/paper-crane", APP)
    assert run_module(heroku_app, ARGS, check_mode=True)["changed"] is True


@pytest.mark.parametrize(
    ("status", "error_id", "hint"),
    [
        (401, "unauthorized", "heroku authorizations:create"),
        (402, "delinquent", "billing"),
        (403, "forbidden", "scope"),
        (403, "two_factor", "scope"),
        (404, "not_found", "may see"),
    ],
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_refusals_name_thing_cause_and_remedy(
    http: Any, run_module: Any, status: int, error_id: str, hint: str, check_mode: bool
) -> None:
    answer = {"id": error_id, "message": "Refused."}
    http.expect("GET", "/apps/paper-crane", answer, status=status, headers={"Request-Id": "r-1"})
    result = run_module(heroku_app, ARGS, check_mode=check_mode)
    assert result["failed"]
    for part in ("paper-crane", f"HTTP {status}", error_id, "r-1", hint):
        assert part in result["msg"]
    assert "HRKU-canary" not in str(result)


def test_token_that_may_only_read(http: Any, run_module: Any) -> None:
    http.expect("GET", "/apps/paper-crane", APP)
    http.expect("PATCH", "/apps/paper-crane", {"id": "forbidden", "message": "You do not have access."}, status=403)
    message = run_module(heroku_app, ARGS)["msg"]
    assert message.startswith("Heroku app paper-crane: You do not have access (HTTP 403 forbidden, PATCH")
    assert "write to change the app" in message


@pytest.mark.parametrize("token", ["", " \n", "HRKU-canary\nHRKU-canary", "HRKU-canary\u2026"])
def test_what_is_no_token_is_refused_before_any_request(
    http: Any, run_module: Any, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.delenv("HEROKU_API_KEY", raising=False)
    message = run_module(heroku_app, {**ARGS, "heroku_api_key": token})["msg"]
    assert message.startswith("heroku_api_key: ")
    assert "heroku authorizations:create" in message
    assert "canary" not in message
