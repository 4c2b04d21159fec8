# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.modules import fly_redis

ARGS = {"fly_api_token": "fm2_canary", "name": "r", "region": "iad"}
ORGANIZATION = {"data": {"organization": {"id": "o1", "slug": "personal", "rawSlug": "me-42", "name": "Me"}}}
NONE = {"data": {"addOn": None}, "errors": [{"message": "Could not find", "extensions": {"code": "NOT_FOUND"}}]}
FOUND = {
    "id": "a1",
    "name": "r",
    "publicUrl": "redis://default:canary@fly-r.upstash.io:6379",
    "status": "created",
    "primaryRegion": "iad",
    "options": {"eviction": False},
    "organization": {"slug": "personal", "rawSlug": "me-42"},
    "readRegions": ["ams"],
    "addOnPlan": {"id": "ekQ85Yjkw155ohQ5ALYq0M", "displayName": "Pay-as-you-go"},
}
REGIONS = {
    "data": {
        "platform": {
            "regions": [{"code": "iad"}, {"code": "ams"}, {"code": "old", "deprecated": True}, {"code": "no"}]
        },
        "addOnProvider": {"excludedRegions": [{"code": "no"}]},
    }
}


def expect_none(http: Any) -> None:
    for answer in (ORGANIZATION, NONE, REGIONS):
        http.expect("POST", "/graphql", answer)


def create(eviction: bool) -> dict[str, Any]:
    """What flyctl sends: only the options that are on."""
    return {
        "input": {
            "organizationId": "o1",
            "primaryRegion": "iad",
            "name": "r",
            "planId": "ekQ85Yjkw155ohQ5ALYq0M",
            "readRegions": [],
            "type": "upstash_redis",
            "options": {"eviction": True} if eviction else {},
        }
    }


@pytest.mark.parametrize("eviction", [False, True])
def test_creates_and_reads_back(http: Any, run_module: Any, eviction: bool) -> None:
    expect_none(http)
    http.expect("POST", "/graphql", {"data": {"createAddOn": {"addOn": {"name": "r"}}}}, variables=create(eviction))
    http.expect("POST", "/graphql", {"data": {"addOn": FOUND}})
    result = run_module(fly_redis, {**ARGS, "return_url": True, "eviction": eviction})
    assert (result["changed"], result["url"], result["eviction"]) == (True, FOUND["publicUrl"], False)


def test_found_by_name_changes_nothing(http: Any, run_module: Any) -> None:
    http.expect("POST", "/graphql", ORGANIZATION)
    http.expect("POST", "/graphql", {"data": {"addOn": FOUND}})
    result = run_module(fly_redis, ARGS)
    assert result["changed"] is False
    assert "canary" not in str(result)


def test_check_mode_predicts_and_writes_nothing(http: Any, run_module: Any) -> None:
    expect_none(http)
    result = run_module(fly_redis, ARGS, check_mode=True, diff=True)
    assert (result["changed"], result["plan"], result["eviction"]) == (True, "unknown", False)
    assert result["diff"] == {"before": "", "after": "redis: r\nplan: unknown\neviction: false\n"}


def test_region_and_plan_that_are_not_offered(http: Any, run_module: Any) -> None:
    expect_none(http)
    assert "ams, iad" in run_module(fly_redis, {**ARGS, "region": "no"})["msg"]
    nodes = [{"id": "p1", "displayName": "Fixed 250MB"}, {"id": "p2", "displayName": "Pro 2k"}]
    plans = {"data": {"addOnPlans": {"nodes": nodes}}}
    for plan in ("huge", "Pro 2k"):
        expect_none(http)
        http.expect("POST", "/graphql", plans)
        message = run_module(fly_redis, {**ARGS, "plan": plan})["msg"]
        assert message.endswith("Choose one of Fixed 250MB.")


def test_name_of_another_organization_is_refused(http: Any, run_module: Any) -> None:
    http.expect("POST", "/graphql", ORGANIZATION)
    http.expect("POST", "/graphql", {"data": {"addOn": {**FOUND, "organization": {"slug": "o", "rawSlug": "o"}}}})
    assert "belongs to the organization o" in run_module(fly_redis, ARGS)["msg"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_suspended_organization_is_refused(http: Any, run_module: Any, check_mode: bool) -> None:
    organization = {**ORGANIZATION["data"]["organization"], "billingStatus": "SUSPENDED"}
    http.expect("POST", "/graphql", {"data": {"organization": organization}})
    http.expect("POST", "/graphql", NONE)
    message = run_module(fly_redis, ARGS, check_mode=check_mode)["msg"]
    assert "Fly organization personal: Fly has suspended it" in message


PLANS = {"data": {"addOnPlans": {"nodes": [{"id": "p1", "displayName": "Fixed 250MB"}]}}}


@pytest.mark.parametrize("check_mode", [True, False])
def test_existing_one_gets_the_plan_and_eviction_that_are_asked_for(
    http: Any, run_module: Any, check_mode: bool
) -> None:
    http.expect("POST", "/graphql", ORGANIZATION)
    http.expect("POST", "/graphql", {"data": {"addOn": {**FOUND, "options": {"eviction": False, "prod_pack": True}}}})
    http.expect("POST", "/graphql", PLANS)
    changed = {
        **FOUND,
        "options": {"eviction": True, "prod_pack": True},
        "addOnPlan": PLANS["data"]["addOnPlans"]["nodes"][0],
    }
    if not check_mode:
        sent = {"addOnId": "a1", "planId": "p1", "readRegions": ["ams"], "options": changed["options"]}
        http.expect("POST", "/graphql", {"data": {"updateAddOn": {"addOn": {"id": "a1"}}}}, variables={"input": sent})
        http.expect("POST", "/graphql", {"data": {"addOn": changed}})
    given = {**ARGS, "plan": "Fixed 250MB", "eviction": True}
    result = run_module(fly_redis, given, check_mode=check_mode, diff=True)
    assert (result["changed"], result["created"], result["eviction"]) == (True, False, True)
    assert result["diff"] == {
        "before": "redis: r\nplan: Pay-as-you-go\neviction: false\n",
        "after": "redis: r\nplan: Fixed 250MB\neviction: true\n",
    }


@pytest.mark.parametrize("given", [{"plan": "Pay-as-you-go", "eviction": False}, {"region": None}, {"eviction": None}])
def test_existing_one_that_is_as_asked_for_is_not_changed(http: Any, run_module: Any, given: dict[str, Any]) -> None:
    http.expect("POST", "/graphql", ORGANIZATION)
    http.expect("POST", "/graphql", {"data": {"addOn": FOUND}})
    assert run_module(fly_redis, {**ARGS, **given})["changed"] is False


def test_existing_one_in_another_region_is_refused(http: Any, run_module: Any) -> None:
    http.expect("POST", "/graphql", ORGANIZATION)
    http.expect("POST", "/graphql", {"data": {"addOn": {**FOUND, "primaryRegion": "ams"}}})
    assert "its primary region is ams, not iad" in run_module(fly_redis, ARGS)["msg"]
