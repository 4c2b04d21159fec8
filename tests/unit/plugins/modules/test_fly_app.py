# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.modules import fly_app, fly_app_info

APP = {"id": "a1", "name": "paper-crane", "organization": {"slug": "personal"}, "status": "pending"}
ARGS = {"fly_api_token": "FlyV1 fm2_canary", "name": "paper-crane"}
PATH = "/v1/apps/paper-crane"
ORGANIZATION = {"data": {"organization": {"id": "o1", "slug": "personal", "rawSlug": "me-42", "name": "Me"}}}
V4 = {"ip": "66.241.124.1", "shared": True}


@pytest.mark.parametrize("org", ["personal", "me-42"])
def test_creates_the_app_and_assigns_addresses(http: Any, run_module: Any, org: str) -> None:
    missing = {"error": "Could not find App"}
    http.expect("GET", PATH, missing, status=404, request_headers={"Authorization": "FlyV1 fm2_canary"})
    http.expect("POST", "/graphql", ORGANIZATION)
    http.expect_token()
    http.expect("POST", "/v1/apps", APP, status=201, body={"name": "paper-crane", "org_slug": "personal"})
    http.expect("GET", PATH, missing, status=404)  # a new app is not known everywhere at once
    http.expect("GET", PATH, APP)
    http.expect("GET", f"{PATH}/machines", missing, status=404)
    http.expect("GET", PATH, APP)
    http.expect("GET", f"{PATH}/machines", [])
    http.expect("POST", f"{PATH}/ip_assignments", {}, body={"type": "shared_v4"})
    http.expect("POST", f"{PATH}/ip_assignments", {}, body={"type": "v6"})
    http.expect("GET", f"{PATH}/ip_assignments", {"ips": [{"ip": "2a09::1"}, V4]})
    result = run_module(fly_app, {**ARGS, "org": org, "ips": ["shared_v4", "v6"]}, diff=True)
    assert (result["changed"], result["created"]) == (True, True)
    assert result["ips"] == [{"ip": "66.241.124.1", "kind": "shared_v4"}, {"ip": "2a09::1", "kind": "v6"}]
    assert result["diff"]["before"] == ""


@pytest.mark.parametrize(
    ("token", "machines", "graphql", "releases"),
    [
        ("FlyV1 fm2_a, fm2_b", "FlyV1 fm2_a,fm2_b", "FlyV1 fm2_a,fm2_b", "Bearer fm2_a,fm2_b"),
        ("fo1_u,fm2_a", "FlyV1 fm2_a", "FlyV1 fm2_a,fo1_u", "Bearer fm2_a,fo1_u"),
        ("Bearer fo1_u", "Bearer fo1_u", "Bearer fo1_u", "Bearer fo1_u"),
    ],
)
def test_each_api_gets_the_tokens_that_it_takes(
    http: Any, run_module: Any, token: str, machines: str, graphql: str, releases: str
) -> None:
    http.expect("GET", PATH, APP, request_headers={"Authorization": machines})
    http.expect("POST", "/graphql", ORGANIZATION, request_headers={"Authorization": graphql})
    http.expect("GET", f"{PATH}/ip_assignments", {"ips": None})
    assert run_module(fly_app, {**ARGS, "fly_api_token": token})["changed"] is False
    expect_stock(http, request_headers={"Authorization": releases})
    run_module(fly_app_info, {**ARGS, "fly_api_token": token})


@pytest.mark.parametrize(
    "answer", [{"status": "name_taken"}, {"error": "Validation failed: Name has already been taken"}]
)
def test_taken_name_is_told_by_code_or_text(http: Any, run_module: Any, answer: dict[str, str]) -> None:
    http.expect("GET", PATH, {}, status=404)
    http.expect("POST", "/graphql", ORGANIZATION)
    http.expect_token()
    http.expect("POST", "/v1/apps", answer, status=422)
    assert "choose another name" in run_module(fly_app, ARGS)["msg"]


def expect_stock(http: Any, **releases: Any) -> None:
    """An app that has nothing; Go shows an empty list as null."""
    http.expect("GET", PATH, APP)
    http.expect("GET", f"{PATH}/machines")
    http.expect("GET", "/api/v1/apps/paper-crane/releases", {"releases": None}, **releases)
    http.expect("GET", f"{PATH}/secrets", {"secrets": None})
    http.expect("GET", f"{PATH}/certificates", {"certificates": None})
    http.expect("GET", f"{PATH}/ip_assignments", {"ips": None})


def test_check_mode_predicts_and_writes_nothing(http: Any, run_module: Any) -> None:
    http.expect("GET", PATH, {}, status=404)
    http.expect("POST", "/graphql", ORGANIZATION)
    http.expect_token()
    result = run_module(fly_app, {**ARGS, "ips": ["v6"]}, check_mode=True)
    assert (result["changed"], result["created"], result["ips"]) == (True, True, [{"ip": "", "kind": "v6"}])


def test_second_run_changes_nothing(http: Any, run_module: Any) -> None:
    http.expect("GET", PATH, {**APP, "organization": {"slug": "me-42"}})
    http.expect("POST", "/graphql", ORGANIZATION)
    http.expect("GET", f"{PATH}/ip_assignments", {"ips": [V4]})
    assert run_module(fly_app, {**ARGS, "ips": ["shared_v4"]})["changed"] is False


def test_address_from_which_the_app_calls_others_is_none_of_its_own(http: Any, run_module: Any) -> None:
    http.expect("GET", PATH, APP)
    http.expect("POST", "/graphql", ORGANIZATION)
    http.expect("GET", f"{PATH}/ip_assignments", {"ips": [V4, {"ip": "2a09::e", "egress": True}]})
    result = run_module(fly_app, {**ARGS, "ips": ["shared_v4", "v6"]}, check_mode=True)
    assert result["ips"] == [{"ip": "66.241.124.1", "kind": "shared_v4"}, {"ip": "", "kind": "v6"}]


def test_name_owned_elsewhere_is_refused(http: Any, run_module: Any) -> None:
    http.expect("GET", PATH, {"error": "forbidden"}, status=403, headers={"fly-request-id": "r-7"})
    result = run_module(fly_app, ARGS)
    for part in ("paper-crane", "403", "r-7", "choose another name"):
        assert part in result["msg"]


def test_app_of_another_visible_organization_is_refused(http: Any, run_module: Any) -> None:
    http.expect("GET", PATH, {**APP, "organization": {"slug": "other"}})
    http.expect("POST", "/graphql", ORGANIZATION)
    assert "other" in run_module(fly_app, ARGS)["msg"]


def test_unknown_organization_is_refused(http: Any, run_module: Any) -> None:
    http.expect("GET", PATH, {}, status=404)
    http.expect(
        "POST", "/graphql", {"data": None, "errors": [{"message": "none", "extensions": {"code": "NOT_FOUND"}}]}
    )
    nodes = [{"slug": "personal"}, {"slug": "acme"}, {"slug": "other"}]
    http.expect("POST", "/graphql", {"data": {"organizations": {"nodes": nodes}}})
    message = run_module(fly_app, {**ARGS, "org": "acmee"})["msg"]
    assert message.startswith("Fly organization acmee: none")
    assert "organization that this token may see (acme)" in message


@pytest.mark.parametrize("name", ["Paper", "a_b", "-a", "x" * 64, "a/b"])
def test_impossible_name_is_refused_before_any_request(http: Any, run_module: Any, name: str) -> None:
    assert repr(name) in run_module(fly_app, {**ARGS, "name": name})["msg"]


def test_create_is_never_repeated_blindly(http: Any, run_module: Any) -> None:
    http.expect("GET", PATH, {}, status=404)
    http.expect("POST", "/graphql", ORGANIZATION)
    http.expect_token()
    http.expect("POST", "/v1/apps", error=ConnectionResetError("peer"))
    assert "run again" in run_module(fly_app, ARGS)["msg"]


def machine(group: str, number: int, state: str = "started", **config: Any) -> dict[str, Any]:
    metadata = {"fly_platform_version": "v2", "fly_process_group": group, "fly_release_version": str(number)}
    checks = [{"status": "passing"}]
    return {"id": f"{group}-{number}", "state": state, "config": {"metadata": metadata, **config}, "checks": checks}


def test_info_takes_stock(http: Any, run_module: Any) -> None:
    machines = [
        machine("web", 3),
        machine("web", 2, "stopped"),
        machine("worker", 3),
        machine("worker", 3, "stopped", standbys=["x"]),
        machine("fly_app_release_command", 3),
        {"id": "by-hand", "state": "started", "config": {"metadata": {}}},
    ]
    # The host of one does not answer; another was deployed blue-green, which the API shows to old clients as a check.
    machines[1]["incomplete_config"] = machines[1].pop("config")
    machines[0]["checks"].append({"name": "bg_deployments_compat_http", "status": "critical"})
    releases = [
        {"version": 4, "status": "failed", "created_at": "2026-11-23T12:00:00.5Z"},
        {"version": 3, "status": "complete", "created_at": "2026-11-23T11:00:00Z", "image_ref": "i"},
        {"version": 2, "status": "complete", "created_at": "2026-11-23T10:00:00Z", "image_ref": "i"},
    ]
    secrets = [
        {"name": name, "digest": "d", "updated_at": at}
        for name, at in (
            ("OLD", "2026-11-23T09:00:00.123456Z"),
            ("BETWEEN", "2026-11-23T10:30:00Z"),
            ("NEW", "2026-11-23T11:00:00.000001Z"),
            ("ZONE", "2026-11-23T11:30:00.000001+01:00"),
            ("NO_ZONE", "2026-11-23T10:00:00"),
            ("NO_TIME", None),
        )
    ]
    http.expect("GET", PATH, APP)
    http.expect("GET", f"{PATH}/machines", machines)
    http.expect("GET", "/api/v1/apps/paper-crane/releases", {"releases": releases})
    http.expect("GET", f"{PATH}/secrets", {"secrets": secrets})
    http.expect("GET", f"{PATH}/certificates", {"certificates": [{"hostname": "a.example", "status": "active"}]})
    http.expect("GET", f"{PATH}/ip_assignments", {"ips": [V4]})
    result = run_module(fly_app_info, ARGS)
    assert result["changed"] is False
    assert result["groups"] == {
        "web": {"count": 2, "started": 1, "healthy": 1},
        "worker": {"count": 1, "started": 1, "healthy": 1},
    }
    assert result["release"]["version"] == 3
    statuses = {name: entry["status"] for name, entry in result["secrets"].items()}
    assert statuses == {
        "OLD": "Deployed",
        "BETWEEN": "Partial",
        "NEW": "Staged",
        "ZONE": "Partial",
        "NO_ZONE": "Deployed",
        "NO_TIME": "Unknown",
    }


def test_info_of_an_app_that_does_not_exist(http: Any, run_module: Any) -> None:
    http.expect("GET", PATH, {}, status=404)
    result = run_module(fly_app_info, ARGS)
    assert (result["exists"], result["groups"], result["secrets"]) == (False, {}, {})


def test_name_that_somebody_took_meanwhile(http: Any, run_module: Any) -> None:
    http.expect("GET", PATH, {}, status=404)
    http.expect("POST", "/graphql", ORGANIZATION)
    http.expect_token()
    answer = {"error": "Validation failed: Name has already been taken", "status": "name_taken"}
    http.expect("POST", "/v1/apps", answer, status=422)
    message = run_module(fly_app, ARGS)["msg"]
    assert message.startswith(
        "Fly app paper-crane: Validation failed: Name has already been taken (HTTP 422 name_taken"
    )
    assert "choose another name" in message


def test_app_that_does_not_appear_is_waited_for_a_minute(http: Any, run_module: Any) -> None:
    http.expect("GET", PATH, {}, status=404)
    http.expect("POST", "/graphql", ORGANIZATION)
    http.expect_token()
    http.expect("POST", "/v1/apps", APP, status=201)
    for second in range(61):  # once more when the time is up
        http.expect("GET", PATH, {}, status=(404, 401)[second % 2])
    assert "it was created, but Fly still does not show it after 60 s. Run again." in run_module(fly_app, ARGS)["msg"]


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    ("status", "cause"), [("SUSPENDED", "suspended"), ("SOURCE_REQUIRED", "payment method"), ("TRIAL_ENDED", "trial")]
)
def test_organization_in_which_nothing_can_be_created(
    http: Any, run_module: Any, status: str, cause: str, check_mode: bool
) -> None:
    http.expect("GET", PATH, {}, status=404)
    http.expect("POST", "/graphql", billed(status))
    message = run_module(fly_app, ARGS, check_mode=check_mode)["msg"]
    for part in ("Fly organization personal", cause, status, "https://fly.io/dashboard/personal/billing"):
        assert part in message


@pytest.mark.parametrize("status", ["PAST_DUE", "DELINQUENT"])
def test_organization_that_owes_money_is_warned_of(http: Any, run_module: Any, status: str) -> None:
    http.expect("GET", PATH, {}, status=404)
    http.expect("POST", "/graphql", billed(status))
    http.expect_token()
    result = run_module(fly_app, ARGS, check_mode=True)
    assert result["changed"] is True
    assert status in str(result["warnings"])
    assert "/billing" in str(result["warnings"])


def billed(status: str) -> dict[str, Any]:
    return {"data": {"organization": {**ORGANIZATION["data"]["organization"], "billingStatus": status}}}


def test_deploy_token_can_not_create_an_app(http: Any, run_module: Any) -> None:
    for check_mode in (True, False):
        http.expect("GET", PATH, {}, status=404)
        http.expect("POST", "/graphql", ORGANIZATION)
        http.expect_token("4711")
        if not check_mode:
            http.expect("POST", "/v1/apps", {"error": "not authorized"}, status=403)
        result = run_module(fly_app, ARGS, check_mode=check_mode)
        assert "limited to single apps (4711)" in str(result["warnings"])
        assert "fly tokens create org -o personal" in str(result["warnings"])
    assert "HTTP 403" in result["msg"]
    assert "neither read-only nor limited to one app" in result["msg"]


@pytest.mark.parametrize("answer", [{}, {"tokens": None}, {"tokens": []}, {"tokens": ["x"]}, [], None])
def test_token_that_fly_tells_nothing_of_is_taken_as_it_is(http: Any, run_module: Any, answer: Any) -> None:
    http.expect("GET", PATH, {}, status=404)
    http.expect("POST", "/graphql", ORGANIZATION)
    http.expect("GET", "/v1/tokens/current", answer, status=200 if answer is not None else 404)
    result = run_module(fly_app, ARGS, check_mode=True)
    assert (result["changed"], result.get("warnings")) == (True, None)


@pytest.mark.parametrize("check_mode", [True, False])
def test_expired_token(http: Any, run_module: Any, check_mode: bool) -> None:
    http.expect("GET", PATH, {"error": "token expired"}, status=401)
    message = run_module(fly_app, ARGS, check_mode=check_mode)["msg"]
    assert "token expired (HTTP 401" in message
    assert "valid token that has not expired: fly tokens create org" in message
    assert "fm2_canary" not in message


@pytest.mark.parametrize(
    ("token", "cause"),
    [
        ("", "no token was given"),
        (" \n", "no token was given"),
        ("FlyV1 ", "no token was given"),
        ("fm2_canary\nfm2_canary", "a line break"),
        ("fm2_canary…", "another character that tokens never contain"),
    ],
)
def test_what_is_no_token_is_refused_before_any_request(
    http: Any, run_module: Any, monkeypatch: pytest.MonkeyPatch, token: str, cause: str
) -> None:
    for name in ("FLY_API_TOKEN", "FLY_ACCESS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    message = run_module(fly_app, {**ARGS, "fly_api_token": token})["msg"]
    assert message.startswith("fly_api_token: ")
    assert cause in message
    assert "fly tokens create org" in message
    assert "canary" not in message
