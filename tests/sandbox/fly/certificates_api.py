# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fly's Machines API: certificates. DNS is never checked, so none becomes active."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..wire import now
from .flaps import APP, Part, error, read
from .state import FlyApp

if TYPE_CHECKING:
    from ..world import World

HOSTNAME = re.compile(r"(\*\.)?([a-z0-9-]+\.)+[a-z]{2,}")
# The result of a DNS check: nothing.
NO_RECORDS: dict[str, Any] = {"a": [], "aaaa": [], "cname": [], "resolved_addresses": [], "soa": None}


class Certificates(Part):
    """The handlers."""

    async def certificates(self, request: Request) -> Any:
        app = self._app(request)
        limit, cursor = int(request.query_params.get("limit", 50)), int(request.query_params.get("cursor") or 0)
        part = request.query_params.get("filter", "")
        found = [_summary(detail) for name, detail in app.certificates.items() if part in name]
        more = str(cursor + limit) if cursor + limit < len(found) else ""
        return {"certificates": found[cursor : cursor + limit], "total_count": len(found), "next_cursor": more}

    async def request_certificate(self, request: Request) -> Any:
        app = self._app(request)
        hostname = (await read(request, {"hostname": str}, ("hostname",)))["hostname"]
        if hostname in app.certificates:
            raise error(409, f"a certificate for {hostname} already exists")
        if not HOSTNAME.fullmatch(hostname):
            raise error(422, f"{hostname} is not a hostname")
        app.certificates[hostname] = _detail(app, hostname)
        return JSONResponse(_shown(app.certificates[hostname]), 201)

    async def certificate(self, request: Request) -> Any:
        app = self._app(request)
        if request.path_params["hostname"] not in app.certificates:
            raise error(404, "certificate not found")
        return _shown(app.certificates[request.path_params["hostname"]])

    async def check_certificate(self, request: Request) -> Any:
        return {**await self.certificate(request), "dns_records": NO_RECORDS}

    async def delete_certificate(self, request: Request) -> Any:
        await self.certificate(request)
        del self._app(request).certificates[request.path_params["hostname"]]
        return Response(status_code=204)


def _summary(detail: dict[str, Any]) -> dict[str, Any]:
    validation = detail["validation"]
    return {
        "hostname": detail["hostname"],
        "status": detail["status"],
        "configured": detail["configured"],
        "dns_provider": detail["dns_provider"],
        "acme_requested": True,
        "acme_dns_configured": validation["dns_configured"],
        "acme_alpn_configured": validation["alpn_configured"],
        "acme_http_configured": validation["http_configured"],
        "ownership_txt_configured": validation["ownership_txt_configured"],
        "has_fly_certificate": False,
        "has_custom_certificate": False,
        "created_at": detail["created_at"],
        "updated_at": detail["created_at"],
    }


def _shown(detail: dict[str, Any]) -> dict[str, Any]:
    """Return the full form of a certificate; only the list says when it was created."""
    return {name: value for name, value in detail.items() if name != "created_at"}


def _detail(app: FlyApp, hostname: str) -> dict[str, Any]:
    bare = hostname.removeprefix("*.")
    addresses = [entry["ip"] for entry in app.ips]
    return {
        "hostname": hostname,
        "configured": False,
        "acme_requested": True,
        "status": "pending_validation",
        "dns_provider": "",
        "created_at": now(),
        "certificates": [],
        "validation": {
            "dns_configured": False,
            "alpn_configured": False,
            "http_configured": False,
            "ownership_txt_configured": False,
        },
        "dns_requirements": {
            "a": [ip for ip in addresses if ":" not in ip],
            "aaaa": [ip for ip in addresses if ":" in ip],
            "cname": app.cname_target,
            "acme_challenge": {"name": f"_acme-challenge.{bare}", "target": f"{bare}.{app.id[:7]}.flydns.net"},
            "ownership": {
                "name": f"_fly-ownership.{bare}",
                "app_value": f"app-{app.id[:7]}",
                "org_value": f"org-{app.organization.id[:7]}",
            },
        },
        "validation_errors": [],
        "rate_limited_until": None,
    }


def routes(world: World) -> list[Route]:
    """Return the paths."""
    part = Certificates(world)
    one = f"{APP}/certificates/{{hostname}}"
    return [
        part.route(f"{APP}/certificates", part.certificates),
        part.route(f"{APP}/certificates/acme", part.request_certificate, "POST"),
        part.route(one, part.certificate),
        part.route(one, part.delete_certificate, "DELETE"),
        part.route(f"{one}/check", part.check_certificate, "POST"),
    ]
