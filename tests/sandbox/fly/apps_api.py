# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fly's Machines API: apps, their IP addresses, and the platform itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ..wire import now
from .flaps import APP, Part, error, read
from .state import REGIONS, TAKEN, FlyApp

if TYPE_CHECKING:
    from ..world import World

APP_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
PLACEMENT = {
    "compute": dict,
    "region": str,
    "count": int,
    "volume_name": str,
    "volume_size_bytes": int,
    "weights": dict,
    "org_slug": str,
}


class Apps(Part):
    """The handlers."""

    async def create_app(self, request: Request) -> Any:
        body = await read(
            request, {"name": str, "org_slug": str, "network": str, "app_role_id": str}, ("name", "org_slug")
        )
        name = body["name"]
        organization = self._world.fly.organization(body["org_slug"])
        if organization is None:
            raise error(404, "organization not found")
        if not APP_NAME.fullmatch(name):
            raise error(422, "Validation failed: Name is invalid")
        if name == TAKEN or name in self._world.fly.apps:
            raise error(422, "Validation failed: Name has already been taken", "name_taken")
        app = self._world.fly.create_app(name, organization)
        return JSONResponse(_app_object(app), 201)

    async def apps(self, request: Request) -> Any:
        organization = self._world.fly.organization(request.query_params.get("org_slug", ""))
        found = [app for app in self._world.fly.apps.values() if app.organization is organization]
        return {"total_apps": len(found), "apps": [_app_object(app) for app in found]}

    async def app(self, request: Request) -> Any:
        return _app_object(self._app(request))

    async def ips(self, request: Request) -> Any:
        return {"ips": self._app(request).ips}

    async def assign_ip(self, request: Request) -> Any:
        app = self._app(request)
        fields = dict.fromkeys(("type", "region", "org_slug", "network", "service_name"), str)
        kind = (await read(request, fields, ("type",)))["type"]
        number = len(app.ips) + 1
        addresses = {
            "v6": f"2a09:8280:1::{app.number:x}:{number}",
            "shared_v4": f"66.241.124.{number}",
            "v4": f"37.16.0.{number}",
            "private_v6": f"fdaa:0:1::{number}",
        }
        if kind not in addresses:
            raise error(422, f"unknown type {kind}")
        ip = {
            "ip": addresses[kind],
            "region": "global",
            "service_name": "",
            "shared": kind == "shared_v4",
            "created_at": now(),
        }
        app.ips.append(ip)
        return ip

    async def volumes(self, request: Request) -> Any:
        self._app(request)
        return []

    async def regions(self, _request: Request) -> Any:
        regions = [
            {
                "code": code,
                "name": code,
                "deprecated": False,
                "gateway_available": True,
                "requires_paid_plan": False,
                "mpg_available": True,
            }
            for code in REGIONS
        ]
        return {"regions": regions, "nearest": "iad"}

    async def placements(self, request: Request) -> Any:
        body = await read(request, PLACEMENT)
        count = body.get("count") or 10
        return {"Regions": [{"Region": code, "Count": count, "Concurrency": count} for code in REGIONS]}

    async def token(self, _request: Request) -> Any:
        organization = self._world.fly.organizations[0]
        return {"tokens": [{"token_id": "1", "org_slug": organization.raw_slug, "organization": organization.slug}]}


def _app_object(app: FlyApp) -> dict[str, Any]:
    return {
        "id": app.id,
        "name": app.name,
        "internal_numeric_id": app.number,
        "status": "deployed" if app.current_release() else "pending",
        "machine_count": len(app.active_machines()),
        "volume_count": 0,
        "network": "default",
        "cname_target": app.cname_target,
        "app_role": "",
        "organization": {"name": app.organization.slug, "slug": app.organization.slug, "internal_numeric_id": 9},
    }


def routes(world: World) -> list[Route]:
    """Return the paths."""
    part = Apps(world)
    return [
        part.route("/v1/apps", part.apps),
        part.route("/v1/apps", part.create_app, "POST", limited=False),
        part.route(APP, part.app),
        part.route(f"{APP}/ip_assignments", part.ips),
        part.route(f"{APP}/ip_assignments", part.assign_ip, "POST"),
        part.route(f"{APP}/volumes", part.volumes),
        part.route("/v1/platform/regions", part.regions),
        part.route("/v1/platform/placements", part.placements, "POST"),
        part.route("/v1/tokens/current", part.token),
    ]
