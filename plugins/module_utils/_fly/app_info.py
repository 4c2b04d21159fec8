# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The inventory of one Fly app, as the module's result shows it."""

from __future__ import annotations

from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.api import FlyAPI
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.app import addresses
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.machines import (
    by_group,
    configuration,
    current_release,
    is_healthy,
    metadata,
    secret_statuses,
)

# Enough to find the release of every Machine, even one that a rolling deploy left behind.
RELEASES = 50


def take_stock(fly: FlyAPI, app: str) -> dict[str, Any]:
    """Return what Fly has for the app, in seven requests; everything is empty for an app that does not exist."""
    found = fly.app(app)
    if found is None:
        return {
            "exists": False,
            "app": {"name": app},
            "machines": [],
            "groups": {},
            "release": {},
            "secrets": {},
            "certificates": {},
            "ips": [],
        }
    machines, releases, secrets = fly.machines(app), fly.releases(app, limit=RELEASES), fly.secrets(app)
    groups, release = by_group(machines), current_release(releases) or {}
    return {
        "exists": True,
        "app": {
            "name": found["name"],
            "id": found["id"],
            "org": found["organization"]["slug"],
            "status": found["status"],
            "hostname": f"{found['name']}.fly.dev",
        },
        "machines": [_machine(group, machine) for group in sorted(groups) for machine in groups[group]],
        "groups": {
            group: {
                "count": len(own),
                "started": sum(machine["state"] == "started" for machine in own),
                "healthy": sum(is_healthy(machine) for machine in own),
            }
            for group, own in sorted(groups.items())
        },
        "release": {key: release[key] for key in ("version", "status", "image_ref", "created_at") if key in release},
        "secrets": _secrets(secrets, secret_statuses(secrets, machines, releases)),
        "certificates": {
            certificate["hostname"]: {
                "status": certificate.get("status", "unknown"),
                "configured": bool(certificate.get("configured")),
            }
            for certificate in fly.certificates(app)
        },
        "ips": addresses(fly, app),
    }


def _secrets(secrets: list[dict[str, Any]], statuses: dict[str, str]) -> dict[str, Any]:
    return {
        secret["name"]: {
            "digest": secret.get("digest", ""),
            "status": statuses[secret["name"]],
            "updated_at": secret.get("updated_at", ""),
        }
        for secret in sorted(secrets, key=lambda secret: str(secret["name"]))
    }


def _machine(group: str, machine: dict[str, Any]) -> dict[str, Any]:
    image = machine.get("image_ref") or {}
    return {
        "id": machine["id"],
        "group": group,
        "state": machine["state"],
        "region": machine.get("region", ""),
        "healthy": is_healthy(machine),
        "image": f"{image.get('registry', '')}/{image.get('repository', '')}:{image.get('tag', '')}",
        "release_version": metadata(machine).get("fly_release_version", ""),
        "guest": configuration(machine).get("guest") or {},
    }
