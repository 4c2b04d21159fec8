# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""A Managed Postgres cluster: found by organization and name, or created; then waited for.

A cluster is billed as soon as it is created, and Fly accepts the same name twice. So we look for it first, and never
blindly repeat a create.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Callable
from urllib.parse import unquote, urlsplit

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import Conflict, InputError, StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.polling import poll
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.api import FlyAPI
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.organization import before_creating

# Fly capitalizes the largest, in its specification and in flyctl. It has been seen to use another plan for an unknown
# name.
PLANS = {"basic": "basic", "starter": "starter", "launch": "launch", "scale": "scale", "performance": "Performance"}
MAJORS = (16, 17)
DISK_GB = (10, 500)
# What can be enabled, from fly.io/docs/mpg/extensions. Only used until the cluster exists, which knows its own list.
POSTGIS = frozenset({"postgis", "postgis_raster", "postgis_sfcgal", "postgis_topology"})
# fmt: off
EXTENSIONS = POSTGIS | {
    "btree_gin", "btree_gist", "citext", "cube", "dict_int", "fuzzystrmatch", "hstore", "intarray", "isn", "lo",
    "ltree", "pg_stat_monitor", "pg_trgm", "pgaudit", "pgcrypto", "plpgsql", "seg", "tablefunc", "tcn",
    "tsm_system_rows", "tsm_system_time", "unaccent", "uuid-ossp", "vector",
}
# fmt: on
DATABASE_PORT = 5432
READY = "ready"
# Waiting does not make these ready.
BROKEN = ("error", "failed", "deleting", "deleted")
POLL = 5.0  # seconds, like flyctl


@dataclass(frozen=True)
class Wanted:
    """What the cluster should be."""

    name: str
    org: str
    region: str | None
    plan: str
    disk_gb: int
    pg_major: int
    attach_to: str | None
    extensions: Sequence[Mapping[str, Any]] = ()


def ensure_cluster(
    fly: FlyAPI,
    wanted: Wanted,
    wait_timeout: float,
    return_url: bool,
    check_mode: bool,
    warn: Callable[[str], None],
) -> dict[str, Any]:
    """Find or create the cluster, wait at most O(wait_timeout) seconds, attach it; return the module's result.

    Raises StateError if two clusters have this name, or if it failed or does not become ready.
    """
    _check_input(fly, wanted)
    organization = fly.organization(wanted.org)
    raw_slug = organization["rawSlug"]
    found = _find(fly, wanted, raw_slug)
    created = found is None
    if found is None:
        before_creating(organization, warn)
        _check_region(fly, raw_slug, wanted.region)
        _check_extensions(wanted.extensions)
        if check_mode:
            return _result(wanted, {}, {}, created=True, attached=bool(wanted.attach_to), return_url=return_url)
        found = _create(fly, raw_slug, wanted)
    _check_disk(found, wanted)
    # Like flyctl: a cluster is version 1 unless the list says 2; new ones are version 2.
    version = 2 if created or found.get("version") == 2 else 1
    answer = _ready(fly, found["id"], version, wait_timeout, 0 if check_mode else wait_timeout)
    cluster, credentials = answer["data"], answer.get("credentials") or {}
    attached_apps = [app["name"] for app in cluster.get("attached_apps") or []]
    attach = bool(wanted.attach_to) and wanted.attach_to not in attached_apps
    missing = _missing_extensions(fly, found["id"], version, credentials, wanted.extensions)
    if not check_mode:
        if attach and wanted.attach_to:
            _attach(fly, found["id"], wanted.attach_to, version)
        for extension in missing:
            fly.enable_postgres_extension(
                found["id"],
                str(credentials["dbname"]),
                extension["name"],
                extension.get("schema") or "",
                version,
            )
    result = _result(wanted, cluster, credentials, created, attach, return_url)
    result["changed"] = result["changed"] or bool(missing)
    result["extensions_enabled"] = [extension["name"] for extension in missing]
    return result


def _find(fly: FlyAPI, wanted: Wanted, raw_slug: str) -> dict[str, Any] | None:
    clusters = [cluster for cluster in fly.postgres_clusters(raw_slug) if cluster["name"] == wanted.name]
    if len(clusters) > 1:
        ids = ", ".join(sorted(cluster["id"] for cluster in clusters))
        raise StateError(
            f"Managed Postgres cluster {wanted.name}",
            f"the organization {wanted.org} has {len(clusters)} with this name ({ids})",
            "Destroy the unused ones (fly mpg destroy ID), or choose another name.",
        )
    return clusters[0] if clusters else None


def _check_input(fly: FlyAPI, wanted: Wanted) -> None:
    if not fly.macaroon:
        raise InputError(
            "fly_api_token",
            "it is an old type of token, but Managed Postgres accepts only those of 'fly tokens create' (fm2_...)",
            f"Create one with 'fly tokens create org -o {wanted.org}'.",
        )
    if not DISK_GB[0] <= wanted.disk_gb <= DISK_GB[1]:
        raise InputError(
            f"disk_gb {wanted.disk_gb}",
            f"a new cluster's disk has {DISK_GB[0]} to {DISK_GB[1]} GB",
            "Give a size in this range; Fly lets a disk grow later.",
        )


def _check_disk(cluster: Mapping[str, Any], wanted: Wanted) -> None:
    """Refuse an existing cluster with too small a disk; Fly may not report the size."""
    disk = cluster.get("disk")
    if isinstance(disk, int) and 0 < disk < wanted.disk_gb:
        raise StateError(
            f"Managed Postgres cluster {wanted.name} ({cluster['id']})",
            f"its disk has {disk} GB, but {wanted.disk_gb} GB were requested",
            "Grow its disk at fly.io/dashboard, request less (disk_gb), or choose another name.",
        )


def _check_extensions(wanted: Sequence[Mapping[str, Any]]) -> None:
    for extension in wanted:
        if extension["name"] not in EXTENSIONS and not extension.get("optional"):
            raise InputError(
                f"extension {extension['name']}",
                "Managed Postgres does not offer it, according to its documentation (fly.io/docs/mpg/extensions)",
                "Drop it in the source database, or move to another PostgreSQL server. If Fly offers it now, create "
                "the cluster with 'fly mpg create' and run again: an existing cluster reports what it offers.",
            )


def _check_region(fly: FlyAPI, raw_slug: str, region: str | None) -> None:
    offered = sorted(entry["code"] for entry in fly.postgres_regions(raw_slug) if entry.get("available", True))
    if region not in offered:
        raise InputError(
            f"region {region}" if region else "region",
            "there is no such region, or it has no Managed Postgres" if region else "a new cluster needs one",
            f"Choose one of {', '.join(offered)}.",
        )


def _create(fly: FlyAPI, raw_slug: str, wanted: Wanted) -> dict[str, Any]:
    created = fly.create_postgres_cluster(
        raw_slug,
        {
            "name": wanted.name,
            "region": wanted.region,
            "org_slug": raw_slug,
            "plan": PLANS[wanted.plan],
            "pg_major_version": str(wanted.pg_major),
            "storage_in_gb": wanted.disk_gb,
            "postgis_enabled": any(extension["name"] in POSTGIS for extension in wanted.extensions),
        },
    )
    # Fly has been seen to silently use another plan than the requested one.
    if str(created.get("plan") or wanted.plan).lower() != wanted.plan:
        raise StateError(
            f"Managed Postgres cluster {wanted.name} ({created['id']})",
            f"Fly created it with the plan {created['plan']} instead of {wanted.plan}, and bills for it",
            "Request that plan to keep it, or destroy it (fly mpg destroy ID).",
        )
    return created


def _ready(fly: FlyAPI, cluster: str, version: int, told: float, timeout: float) -> dict[str, Any]:
    """Return the cluster once it is ready, or as it is if O(timeout) is 0."""
    answer, ready = poll(
        lambda: fly.postgres_cluster(cluster, version),
        lambda seen: _status(seen) in (READY, *BROKEN),
        timeout,
        POLL,
        first=1.0,
    )
    status = _status(answer)
    if status in BROKEN or (timeout and not ready):
        raise StateError(
            f"Managed Postgres cluster {answer['data']['name']} ({cluster})",
            f"its status is {status}" + ("" if status in BROKEN else f" after {told:.0f} s"),
            "Check fly.io/dashboard. Destroy a failed cluster; wait until a deleted one is gone; give a slow one more "
            "time. Then run again.",
        )
    return answer


def _status(answer: Mapping[str, Any]) -> str:
    status = str(answer["data"]["status"])
    # The cluster may be ready a little before its password.
    waits = status == READY and (answer.get("credentials") or {}).get("status") == "initializing"
    return "initializing" if waits else status


def _attach(fly: FlyAPI, cluster: str, app: str, version: int) -> None:
    with suppress(Conflict):  # another run has just attached it
        fly.attach_postgres_cluster(cluster, app, version)


def _missing_extensions(
    fly: FlyAPI, cluster: str, version: int, credentials: Mapping[str, Any], wanted: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Return the offered extensions that are not installed yet; raises InputError for a required one not offered."""
    if not wanted or not credentials.get("dbname"):
        return list(wanted)
    offered = {entry["name"]: entry for entry in fly.postgres_extensions(cluster, credentials["dbname"], version)}
    for extension in wanted:
        if extension["name"] not in offered and not extension.get("optional"):
            raise InputError(
                f"extension {extension['name']}",
                "Managed Postgres does not offer it",
                f"Do without it, or choose from {', '.join(sorted(offered))}.",
            )
    return [
        extension
        for extension in wanted
        if extension["name"] in offered and not offered[extension["name"]].get("installed")
    ]


def _result(
    wanted: Wanted,
    cluster: Mapping[str, Any],
    credentials: Mapping[str, Any],
    created: bool,
    attached: bool,
    return_url: bool,
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "changed": created or attached,
        "created": created,
        "id": cluster.get("id", ""),
        "status": cluster.get("status", "absent"),
        "region": cluster.get("region", wanted.region),
        "plan": str(cluster.get("plan") or wanted.plan).lower(),
        "diff": {
            "before": "" if created else f"cluster: {wanted.name}\n",
            "after": f"cluster: {wanted.name}\n" + (f"attached to: {wanted.attach_to}\n" if attached else ""),
        },
    }
    if return_url:
        result.update(_addresses(cluster, credentials))
    return result


def _addresses(cluster: Mapping[str, Any], credentials: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pooled URL, the same without the pooler, and where the controller connects."""
    url = credentials.get("pgbouncer_uri") or ""
    if not url:
        return {"url": "", "direct_url": "", "direct": {}}
    parts = urlsplit(url)
    host = (cluster.get("ip_assignments") or {}).get("direct") or f"direct.{cluster['id']}.flympg.net"
    pooler = (parts.hostname or "").startswith("pgbouncer.")
    # For the app the cluster's name, where it has one: an address may change.
    name = f"direct.{(parts.hostname or '')[len('pgbouncer.') :]}" if pooler else f"[{host}]" if ":" in host else host
    user = parts.netloc.rpartition("@")[0]
    place = f"{user}@{name}" + (f":{parts.port}" if parts.port else "")
    # The cluster's own address; the port is the pooler's, which is on the same host.
    return {
        "url": url,
        "direct_url": parts._replace(netloc=place).geturl(),
        "direct": {
            "host": host,
            "port": parts.port or DATABASE_PORT,
            "user": credentials.get("user") or unquote(parts.username or ""),
            "password": credentials.get("password") or unquote(parts.password or ""),
            "dbname": credentials.get("dbname") or parts.path.lstrip("/"),
        },
    }
