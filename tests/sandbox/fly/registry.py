# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registry that builds push to, and the deployed apps themselves under /_apps."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..wire import WEB
from .flaps import Part, error, read

if TYPE_CHECKING:
    from ..world import World


class Registry(Part):
    """The handlers."""

    async def push(self, request: Request) -> Any:
        body = await read(request, {"source": str, "buildpacks": bool}, ("source",))
        reference = f"registry.fly.io/{request.path_params['app']}:{request.path_params['label']}"
        made_by_buildpacks = bool(body.get("buildpacks"))
        await asyncio.to_thread(self._world.fly.store_image, reference, Path(body["source"]), made_by_buildpacks)
        return {"image": reference}

    async def image(self, request: Request) -> Any:
        reference = f"registry.fly.io/{request.path_params['app']}:{request.path_params['label']}"
        if reference not in self._world.fly.images:
            raise error(404, "manifest unknown")
        return {"image": reference}

    async def web(self, request: Request) -> Response:
        app = self._world.fly.apps.get(request.path_params["app"])
        chosen = request.headers.get("fly-force-instance-id")
        for machine in list(app.machines.values()) if app else []:
            machine.refresh()
            if machine.url and chosen in (None, machine.id):
                query = f"?{request.url.query}" if request.url.query else ""
                path = request.path_params.get("path", "")
                return await asyncio.to_thread(_forward, f"{machine.url}/{path}{query}")
        return Response("no Machine of this app answers", 503)


def _forward(url: str) -> Response:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return Response(answer.read(), answer.status, media_type=answer.headers.get_content_type())
    except urllib.error.HTTPError as failed:
        return Response(failed.read(), failed.code)
    except OSError:
        return Response("the Machine does not answer", 502)


def routes(world: World) -> list[Route]:
    """Return the paths."""
    part = Registry(world)
    return [
        part.route("/registry/{app}/{label}", part.push, "PUT", limited=False),
        part.route("/registry/{app}/{label}", part.image, limited=False),
        Route(WEB + "/{app}/{path:path}", part.web),
        Route(WEB + "/{app}", part.web),
    ]
