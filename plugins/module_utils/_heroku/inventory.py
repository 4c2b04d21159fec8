# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Everything a move needs to know about a Heroku app, read in about a dozen requests whatever the app's size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku import ownership
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.api import HerokuAPI
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.service_url import POSTGRES, REDIS


@dataclass(frozen=True)
class Inventory:
    """Heroku's answers about one app; O(config) holds values, so no part of it may enter a result or a text."""

    app: Mapping[str, Any]
    formation: list[dict[str, Any]]
    process_types: dict[str, str]
    commit: str
    addons: list[dict[str, Any]]
    ownership: ownership.Ownership
    config: Mapping[str, str] = field(repr=False)
    domains: list[dict[str, Any]]
    features: frozenset[str]
    log_drains: list[dict[str, Any]]
    buildpacks: list[str]
    release: Mapping[str, Any] | None
    # Add-on -> other apps that it is attached to.
    shared_with: dict[str, list[str]]

    @property
    def name(self) -> str:
        """Return the app's name, even if it was requested by id."""
        return str(self.app["name"])

    @property
    def generation(self) -> str:
        """Return V(cedar) or V(fir)."""
        return str((self.app.get("generation") or {}).get("name") or "cedar")

    @property
    def stack(self) -> str:
        """Return the stack's name, such as V(heroku-24) or V(container)."""
        return str((self.app.get("stack") or {}).get("name") or "")

    def as_result(self) -> dict[str, Any]:
        """Return what the module shows: everything except values."""
        app = self.app
        return {
            "app": {
                "name": self.name,
                "id": str(app["id"]),
                "region": str((app.get("region") or {}).get("name") or ""),
                "stack": self.stack,
                "generation": self.generation,
                "maintenance": bool(app["maintenance"]),
                "buildpacks": self.buildpacks,
                "web_url": str(app.get("web_url") or ""),
                "space": str((app.get("space") or {}).get("name") or ""),
            },
            "formation": self.formation,
            "process_types": self.process_types,
            "slug_commit": self.commit,
            "addons": self.addons,
            "services": [
                {
                    "kind": service.kind,
                    "addon": service.addon,
                    "plan": service.plan,
                    "names": list(service.names),
                    "primary": service.primary,
                    "shared_from": service.shared_from,
                }
                for service in self.ownership.services
                if not service.follows
            ],
            "config_names": {name: entry.as_result() for name, entry in self.ownership.names.items()},
            "domains": self.domains,
            "release_version": int(self.release["version"]) if self.release else 0,
        }


def read(heroku: HerokuAPI, app: str) -> Inventory:
    """Read the whole app, without writing anything.

    The release is read first: if the app changes meanwhile, it is older than the rest, never newer.
    """
    found = heroku.app(app)
    release = heroku.latest_release(app)
    formation = [_process(entry) for entry in heroku.formation(app)]
    addons, attachments = heroku.addons(app), heroku.attachments(app)
    config = heroku.config_vars(app)
    decided = ownership.decide(config, attachments, addons)
    slug = _slug(heroku, app, release)
    return Inventory(
        app=found,
        formation=formation,
        process_types=_process_types(slug, formation),
        commit=str(slug.get("commit") or ""),
        addons=_addons(addons, decided),
        ownership=decided,
        config=config,
        domains=[_domain(entry) for entry in heroku.domains(app)],
        features=frozenset(str(entry["name"]) for entry in heroku.features(app) if entry.get("enabled")),
        log_drains=heroku.log_drains(app),
        buildpacks=[_buildpack(entry.get("buildpack") or {}) for entry in heroku.buildpacks(app)],
        release=release,
        shared_with=_shared_with(heroku, str(found["name"]), decided),
    )


def _process(entry: Mapping[str, Any]) -> dict[str, Any]:
    size = entry.get("size") or (entry.get("dyno_size") or {}).get("name") or ""
    return {
        "type": str(entry["type"]),
        "quantity": int(entry["quantity"]),
        "size": str(size),
        "command": str(entry.get("command") or ""),
    }


def _slug(heroku: HerokuAPI, app: str, release: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the release's slug; {} for Fir and containers, which have none."""
    found = (release or {}).get("slug") or {}
    return heroku.slug(app, str(found["id"])) if found.get("id") else {}


def _process_types(slug: Mapping[str, Any], formation: list[dict[str, Any]]) -> dict[str, str]:
    """Return the Procfile that the release was built from, or the formation's commands if there is no slug."""
    process_types = slug.get("process_types")
    if process_types:
        return {str(kind): str(command) for kind, command in process_types.items()}
    return {entry["type"]: entry["command"] for entry in formation}


def _addons(addons: list[dict[str, Any]], decided: ownership.Ownership) -> list[dict[str, Any]]:
    """Return the add-ons billed to the app, then those that are only attached to it."""
    found = {
        str(addon["name"]): {
            "name": str(addon["name"]),
            "service": str((addon.get("addon_service") or {}).get("name") or "") or _plan(addon).partition(":")[0],
            "plan": _plan(addon),
            "state": str(addon.get("state") or ""),
            "config_vars": sorted(str(name) for name in addon.get("config_vars") or ()),
            "app": str((addon.get("app") or {}).get("name") or ""),
        }
        for addon in addons
    }
    for attachment in decided.attachments:
        found.setdefault(
            attachment.addon,
            {
                "name": attachment.addon,
                "service": attachment.service,
                "plan": attachment.plan,
                "state": "",
                "config_vars": sorted(name for name, addon in decided.owned().items() if addon == attachment.addon),
                "app": attachment.owner,
            },
        )
    return list(found.values())


def _plan(addon: Mapping[str, Any]) -> str:
    return str((addon.get("plan") or {}).get("name") or "")


def _domain(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "hostname": str(entry["hostname"]),
        "kind": str(entry.get("kind") or ""),
        "cname": str(entry.get("cname") or ""),
        "status": str(entry.get("status") or ""),
    }


def _buildpack(buildpack: Mapping[str, Any]) -> str:
    """Return a buildpack's name or URL, without any token in the URL."""
    text = str(buildpack.get("url") or buildpack.get("name") or "")
    if text.startswith("urn:"):
        return str(buildpack.get("name") or text)
    parts = urlsplit(text)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def _shared_with(heroku: HerokuAPI, app: str, decided: ownership.Ownership) -> dict[str, list[str]]:
    """Return the other apps that use the services to be moved: one Postgres and one Redis, so two requests."""
    shared: dict[str, list[str]] = {}
    for kind in (POSTGRES, REDIS):
        service = next((entry for entry in decided.services if entry.kind == kind), None)
        # One that belongs to another app is known to be shared with it.
        if service is None or service.shared_from:
            continue
        apps = {str((entry.get("app") or {}).get("name") or "") for entry in heroku.addon_attachments(service.addon)}
        shared[service.addon] = sorted(apps - {app, ""})
    return shared
