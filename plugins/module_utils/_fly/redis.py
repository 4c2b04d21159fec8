# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""An Upstash Redis on Fly: found by name, or created. Through GraphQL, because 'fly redis' prompts for input.

An existing one gets the requested plan and eviction; its region cannot be changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Callable

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError, StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.api import FlyAPI
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.organization import before_creating

# flyctl's default, internal/command/redis: pay as you go.
DEFAULT_PLAN = "ekQ85Yjkw155ohQ5ALYq0M"
# No longer sold, but still listed (same source).
LEGACY_PLANS = frozenset({"pro_2k", "pro_10k", "starter", "standard"})


@dataclass(frozen=True)
class Wanted:
    """What the Redis should be; a O(plan) or O(eviction) of None keeps that of an existing one."""

    name: str
    org: str
    region: str | None
    plan: str | None
    eviction: bool | None


def ensure_redis(
    fly: FlyAPI, wanted: Wanted, return_url: bool, check_mode: bool, warn: Callable[[str], None]
) -> dict[str, Any]:
    """Find or create the Redis; return the module's result."""
    organization = fly.organization(wanted.org)
    found = fly.redis(wanted.name)
    if found is not None and found["organization"]["slug"] not in (organization["slug"], organization["rawSlug"]):
        raise StateError(
            f"Fly Redis {wanted.name}",
            f"it belongs to the organization {found['organization']['slug']}, not to {wanted.org}",
            "Give that organization as org, or choose another name.",
        )
    if found is not None and found.get("status") in ("error", "failed"):
        raise StateError(
            f"Fly Redis {wanted.name}",
            f"its status is {found['status']} ({found.get('errorMessage') or 'no message'})",
            "Destroy it (fly redis destroy), then run again.",
        )
    if found is None:
        before_creating(organization, warn)
        _check_region(fly, wanted.region)
        # To look up the default plan's name would take a request for nothing else.
        plan = _plan(fly, wanted.plan) if wanted.plan else {"id": DEFAULT_PLAN, "displayName": "unknown"}
        body = _body(organization["id"], plan["id"], wanted)
        foreseen = {**body, "addOnPlan": plan}
        if not check_mode:
            fly.create_redis(body)
            found = fly.redis(wanted.name)
        return _result(wanted, None, found or foreseen, return_url)
    changes = _changes(fly, wanted, found)
    if not changes:
        return _result(wanted, found, found, return_url)
    after = {**found, **changes}
    if not check_mode:
        # Send both every time, like flyctl: Fly may reset what is left out.
        fly.update_redis(
            wanted.name,
            {
                "addOnId": found["id"],
                "planId": after["addOnPlan"]["id"],
                "readRegions": found.get("readRegions") or [],
                "options": after.get("options") or {},
            },
        )
        after = fly.redis(wanted.name) or after
    return _result(wanted, found, after, return_url)


def _changes(fly: FlyAPI, wanted: Wanted, found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of an existing Redis to change; raises StateError for what cannot be changed."""
    if wanted.region and found.get("primaryRegion") not in (None, wanted.region):
        raise StateError(
            f"Fly Redis {wanted.name}",
            f"its primary region is {found['primaryRegion']}, not {wanted.region}, and cannot be changed",
            f"Request the region {found['primaryRegion']}, or a Redis with another name.",
        )
    changes: dict[str, Any] = {}
    plan = found.get("addOnPlan") or {}
    if wanted.plan and wanted.plan not in (plan.get("id"), plan.get("name"), plan.get("displayName")):
        changes["addOnPlan"] = _plan(fly, wanted.plan)
    options = found.get("options") or {}
    if wanted.eviction is not None and bool(options.get("eviction")) != wanted.eviction:
        changes["options"] = {**options, "eviction": wanted.eviction}
    return changes


def _result(
    wanted: Wanted, before: Mapping[str, Any] | None, after: Mapping[str, Any], return_url: bool
) -> dict[str, Any]:
    facts = {
        "region": after.get("primaryRegion", wanted.region),
        "plan": (after.get("addOnPlan") or {}).get("displayName", ""),
        "eviction": bool((after.get("options") or {}).get("eviction")),
    }
    shown = ["" if one is None else _shown(wanted.name, one) for one in (before, after)]
    result = {
        "changed": shown[0] != shown[1],
        "created": before is None,
        "name": wanted.name,
        **facts,
        "diff": {"before": shown[0], "after": shown[1]},
    }
    if return_url:
        result["url"] = after.get("publicUrl") or ""
    return result


def _shown(name: str, redis: Mapping[str, Any]) -> str:
    plan = (redis.get("addOnPlan") or {}).get("displayName", "")
    eviction = bool((redis.get("options") or {}).get("eviction"))
    return f"redis: {name}\nplan: {plan}\neviction: {str(eviction).lower()}\n"


def _check_region(fly: FlyAPI, region: str | None) -> None:
    """Raise InputError for a region that has no Redis."""
    regions = fly.redis_regions()
    if region not in regions:
        raise InputError(
            f"region {region}" if region else "region",
            "there is no such region, or it has no Redis" if region else "a new Redis needs one",
            f"Choose one of {', '.join(regions)}.",
        )


def _body(organization: str, plan: str, wanted: Wanted) -> dict[str, Any]:
    """Return a C(CreateAddOnInput)."""
    return {
        "organizationId": organization,
        "primaryRegion": wanted.region,
        "name": wanted.name,
        "planId": plan,
        "readRegions": [],
        "type": "upstash_redis",
        # Only what is turned on, like flyctl: Fly's default for the others is off.
        "options": {"eviction": True} if wanted.eviction else {},
    }


def _plan(fly: FlyAPI, wanted: str) -> dict[str, Any]:
    """Return the plan with this id or name; raises InputError if Fly does not sell it."""
    plans = [plan for plan in fly.redis_plans() if _plain(plan.get("displayName")) not in LEGACY_PLANS]
    for plan in plans:
        if wanted in (plan["id"], plan.get("name"), plan.get("displayName")):
            return plan
    offered = [str(plan.get("displayName") or plan["id"]) for plan in plans]
    near = ", ".join(get_close_matches(wanted, offered) or offered)
    raise InputError(f"plan {wanted}", "Fly has no such Redis plan", f"Choose one of {near}.")


def _plain(name: str | None) -> str:
    return (name or "").lower().replace(" ", "_")
