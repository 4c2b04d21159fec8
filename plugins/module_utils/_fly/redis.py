# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""An Upstash Redis on Fly: found by name, else created. GraphQL, for 'fly redis' asks its questions of a person."""

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
# No longer sold, yet still in the list (same place).
LEGACY_PLANS = frozenset({"pro_2k", "pro_10k", "starter", "standard"})


@dataclass(frozen=True)
class Wanted:
    """What the Redis is to be."""

    name: str
    org: str
    region: str | None
    plan: str | None
    eviction: bool


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
    created = found is None
    if found is None:
        before_creating(organization, warn)
        body = _body(fly, organization["id"], wanted)
        if not check_mode:
            fly.create_redis(body)
            found = fly.redis(wanted.name)
    redis = found or {}
    result: dict[str, Any] = {
        "changed": created,
        "created": created,
        "name": wanted.name,
        "region": redis.get("primaryRegion", wanted.region),
        "plan": (redis.get("addOnPlan") or {}).get("displayName", wanted.plan or ""),
        "eviction": bool((redis.get("options") or {}).get("eviction", wanted.eviction)),
        "diff": {"before": "" if created else f"redis: {wanted.name}\n", "after": f"redis: {wanted.name}\n"},
    }
    if return_url:
        result["url"] = redis.get("publicUrl") or ""
    return result


def _body(fly: FlyAPI, organization: str, wanted: Wanted) -> Mapping[str, Any]:
    """Return a C(CreateAddOnInput); raises InputError for a region or plan that is not offered."""
    regions = fly.redis_regions()
    if wanted.region not in regions:
        raise InputError(
            f"region {wanted.region}" if wanted.region else "region",
            "there is no such region, or it has no Redis" if wanted.region else "a new Redis needs one",
            f"Choose one of {', '.join(regions)}.",
        )
    plan = DEFAULT_PLAN
    if wanted.plan:
        plans = [p for p in fly.redis_plans() if _plain(p.get("displayName")) not in LEGACY_PLANS]
        match = [p["id"] for p in plans if wanted.plan in (p["id"], p.get("name"), p.get("displayName"))]
        if not match:
            offered = [str(p.get("displayName") or p["id"]) for p in plans]
            near = ", ".join(get_close_matches(wanted.plan, offered) or offered)
            raise InputError(f"plan {wanted.plan}", "there is no such plan of Redis", f"Choose one of {near}.")
        plan = match[0]
    return {
        "organizationId": organization,
        "primaryRegion": wanted.region,
        "name": wanted.name,
        "planId": plan,
        "readRegions": [],
        "type": "upstash_redis",
        # Only what is switched on, as flyctl: what the others are then is Fly's own default, off.
        "options": {"eviction": True} if wanted.eviction else {},
    }


def _plain(name: str | None) -> str:
    return (name or "").lower().replace(" ", "_")
