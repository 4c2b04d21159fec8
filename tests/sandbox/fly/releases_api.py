# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fly's REST API (/api/v1): organizations, releases, builds as flyctl records them, and logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ..wire import new_id, now
from .flaps import authorize, read
from .runner import Machine
from .state import Organization
from .uiex import ORGANIZATION, Part, error

if TYPE_CHECKING:
    from ..world import World

STATUSES = ("running", "complete", "failed", "interrupted")
STRATEGIES = ("BLUEGREEN", "CANARY", "IMMEDIATE", "ROLLING", "ROLLING_ONE", "SIMPLE")
NO_BUILDER = "the sandbox has no builder: deploy an image (--image), or use the sandbox's own flyctl"


class Releases(Part):
    """The handlers."""

    async def organizations(self, _request: Request) -> Any:
        return {"organizations": [_organization(found) for found in self._world.fly.organizations]}

    async def organization(self, request: Request) -> Any:
        return {"organization": _organization(self._organization(request))}

    async def releases(self, request: Request) -> Any:
        app = self._app(request.path_params["app"])
        limit = int(request.query_params.get("limit", 20))
        return {"releases": [_release(entry) for entry in reversed(app.releases)][:limit]}

    async def current_release(self, request: Request) -> Any:
        release = self._app(request.path_params["app"]).current_release()
        if release is None:
            raise error(404, "Not Found")
        return _release(release)

    async def create_release(self, request: Request) -> Any:
        fields = {"app_name": str, "build_id": int, "definition": dict, "image": str, "strategy": str}
        body = await read(request, fields, ("app_name", "definition", "image"))
        app = self._app(body["app_name"])
        strategy = body.get("strategy") or "ROLLING"
        if strategy not in STRATEGIES:
            raise error(422, f"strategy is not one of {', '.join(STRATEGIES)}")
        release = {
            "id": new_id(),
            "version": len(app.releases) + 1,
            "stable": False,
            "in_progress": True,
            "status": "pending",
            "strategy": strategy,
            "user": "owner@example.com",
            "created_at": now(),
            "image_ref": body["image"],
            "definition": body["definition"],
        }
        app.releases.append(release)
        return JSONResponse({"release": _release(release)}, 201)

    async def update_release(self, request: Request) -> Any:
        body = await read(request, {"status": str, "metadata": dict}, ("status",))
        if body["status"] not in STATUSES:
            raise error(422, f"status is not one of {', '.join(STATUSES)}")
        for app in self._world.fly.apps.values():
            for release in app.releases:
                if release["id"] == request.path_params["release"]:
                    release["status"] = body["status"]
                    release["in_progress"] = body["status"] == "running"
                    release["stable"] = body["status"] == "complete"
                    return _release(release)
        raise error(404, "Not Found")

    # For these, flyctl accepts only the status 200 and integer ids.

    async def create_build(self, request: Request) -> Any:
        fields = {"app_name": str, "builder_type": str, "machine_id": str, "strategies_available": list}
        body = await read(request, fields, ("app_name",))
        self._app(body["app_name"])
        self._world.fly.builds.append("started")
        return _build(len(self._world.fly.builds), "started")

    async def finish_build(self, request: Request) -> Any:
        fields = {
            "build_id": int,
            "app_name": str,
            "machine_id": str,
            "status": str,
            "strategies_attempted": list,
            "builder_meta": dict,
            "final_image": dict,
            "timings": dict,
            "logs": str,
        }
        body = await read(request, fields, ("build_id", "status"))
        if not 0 < body["build_id"] <= len(self._world.fly.builds):
            raise error(404, "Not Found")
        if body["status"] not in ("completed", "failed"):
            raise error(422, "status is neither completed nor failed")
        self._world.fly.builds[body["build_id"] - 1] = body["status"]
        return _build(body["build_id"], body["status"])

    async def no_builder(self, _request: Request) -> Any:
        raise error(422, NO_BUILDER)


class Logs(Part):
    """Return the Machines' output, one entry per line; with the last answer's token, only what came since."""

    async def logs(self, request: Request) -> Any:
        app = self._app(request.path_params["app"])
        seen = dict(part.split(":") for part in request.query_params.get("next_token", "").split(",") if part)
        instance, region = request.query_params.get("instance"), request.query_params.get("region")
        entries: list[dict[str, Any]] = []
        for machine in app.machines.values():
            machine.refresh()
            if instance not in (None, "", machine.id) or region not in (None, "", machine.region):
                continue
            lines = list(enumerate(machine.log_lines()))
            entries += [_entry(machine, number, line) for number, line in lines[int(seen.get(machine.id, 0)) :]]
            seen[machine.id] = str(len(lines))
        return {"data": entries, "meta": {"next_token": ",".join(f"{name}:{count}" for name, count in seen.items())}}


def _organization(organization: Organization) -> dict[str, Any]:
    return {
        "id": organization.id,
        "internal_numeric_id": organization.number,
        "slug": organization.slug,
        "raw_slug": organization.raw_slug,
        "name": organization.slug,
        "personal": organization.slug == "personal",
        "paid_plan": True,
        "billable": True,
        "billing_status": "CURRENT",
        "provisions_beta_extensions": False,
        "remote_builder_image": "",
    }


def _release(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "definition"}


def _build(number: int, status: str) -> dict[str, Any]:
    return {"id": number, "status": status, "wallclock_time_ms": 1}


def _entry(machine: Machine, number: int, line: str) -> dict[str, Any]:
    meta = {"instance": machine.id, "region": machine.region, "event": {"provider": "app"}}
    attributes = {
        "timestamp": machine.updated_at,
        "message": line,
        "level": "info",
        "instance": machine.id,
        "region": machine.region,
        "meta": meta,
    }
    return {"id": f"{machine.id}-{number}", "type": "log", "attributes": attributes}


def routes(world: World) -> list[Route]:
    """Return the paths."""
    part, logs = Releases(world), Logs(world)
    return [
        part.route("/api/v1/organizations", part.organizations),
        part.route(ORGANIZATION, part.organization),
        part.route(f"{ORGANIZATION}/builders", part.no_builder, "POST"),
        part.route("/api/v1/apps/{app}/releases", part.releases),
        part.route("/api/v1/apps/{app}/releases/current", part.current_release),
        part.route("/api/v1/releases", part.create_release, "POST"),
        part.route("/api/v1/releases/{release}", part.update_release, "PATCH"),
        part.route("/api/v1/builds", part.create_build, "POST"),
        part.route("/api/v1/builds/finish", part.finish_build, "POST"),
        part.route("/api/v1/builds/depot_builder", part.no_builder, "POST"),
        logs.route("/api/v1/apps/{app}/logs", logs.logs, authorized=authorize),
    ]
