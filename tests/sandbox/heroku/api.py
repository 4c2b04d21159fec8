# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Heroku's Platform API v3 and data host over HTTP: paths, fields, statuses, headers, ranges and error bodies.

As strict with requests as the real API: an unknown field or a wrong type is refused. Lenient only where the official
command-line client itself deviates from the published schema (quantities as text, the deprecated C(size)).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..tokens import HEROKU_TOKEN
from .addons_api import Addons
from .apps_api import Apps
from .data_host import DataHost
from .dynos_api import Dynos
from .records_api import Records
from .request import Gate, Handler

if TYPE_CHECKING:
    from ..world import World


def routes(world: World) -> list[Route]:
    """Return all paths of both hosts."""
    gate = Gate(world, HEROKU_TOKEN)
    apps, dynos, addons = Apps(world), Dynos(world), Addons(world)
    records, data = Records(world), DataHost(world)

    def route(
        path: str,
        handler: Handler,
        method: str = "GET",
        data_host: bool = False,
        paged: str = "id",
        status: int = 200,
    ) -> Route:
        return Route(path, gate.wrapped(handler, data_host, paged, status), methods=[method])

    app = "/apps/{app}"

    async def missing(_request: Request) -> Response:
        return JSONResponse({"id": "not_found", "message": "The requested API endpoint was not found."}, 404)

    return [
        route("/account", apps.account),
        route("/account/rate-limits", apps.rate_limits),
        route("/apps", apps.apps),
        route(app, apps.app),
        route(app, apps.update_app, "PATCH"),
        route(f"{app}/config-vars", apps.config_vars),
        route(f"{app}/config-vars", apps.update_config_vars, "PATCH"),
        route(f"{app}/formation", dynos.formation, paged="type"),
        route(f"{app}/formation", dynos.update_formation, "PATCH", paged=""),
        route(f"{app}/formation/{{kind}}", dynos.update_process, "PATCH"),
        route(f"{app}/dynos", dynos.dynos),
        route(f"{app}/dynos", dynos.run_dyno, "POST", status=201),
        route(f"{app}/dynos/{{dyno}}", dynos.dyno),
        route(f"{app}/dynos/{{dyno}}/actions/stop", dynos.stop_dyno, "POST", status=202),
        route(f"{app}/addons", addons.addons),
        route("/addons", addons.all_addons),
        route(f"{app}/addon-attachments", addons.attachments),
        route("/addon-attachments", addons.all_attachments),
        route("/addons/{addon}/addon-attachments", addons.addon_attachments),
        route("/actions/addon-attachments/resolve", addons.resolve, "POST", paged=""),
        route(f"{app}/domains", records.domains),
        route(f"{app}/releases", records.releases, paged="version"),
        route(f"{app}/releases/{{release}}", records.release),
        route(f"{app}/slugs/{{slug}}", records.slug),
        route(f"{app}/features", records.features),
        route(f"{app}/log-drains", records.log_drains),
        route(f"{app}/buildpack-installations", records.buildpacks, paged=""),
        route(f"{app}/collaborators", records.collaborators),
        route(f"{app}/sni-endpoints", records.nothing),
        route(f"{app}/webhooks", records.nothing),
        route(f"{app}/builds", records.nothing),
        route("/client/v11/databases/{addon}", data.database, data_host=True),
        route("/postgres/v0/databases/{addon}/credentials", data.credentials, data_host=True, paged=""),
        route("/postgres/v0/databases/{addon}/credentials/{name}", data.credential, data_host=True),
        route("/redis/v0/databases/{addon}", data.redis, data_host=True),
        Route("/{path:path}", missing, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
    ]
