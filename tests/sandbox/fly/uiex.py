# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all parts of Fly's REST API share that is not the Machines API (/api/v1); flyctl calls it ui-ex."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..wire import Refused
from .flaps import Handler, tokens
from .state import TAKEN, FlyApp, Organization

if TYPE_CHECKING:
    from ..world import World

Check = Callable[[Request], object]
ORGANIZATION = "/api/v1/organizations/{org}"


def error(status: int, detail: str) -> Refused:
    """Return this API's form of an error."""
    return Refused(status, {"errors": {"detail": detail}})


def authorize(request: Request) -> None:
    """Refuse any scheme except C(Bearer), which flyctl uses here for every type of token (internal/uiex)."""
    tokens(request, "Bearer")


class Part:
    """A part of the REST API: its handlers return the body, or a whole answer."""

    def __init__(self, world: World) -> None:
        self._world = world

    def route(self, path: str, handler: Handler, method: str = "GET", authorized: Check = authorize) -> Route:
        """Return a path whose requests pass O(authorized)."""

        async def answer(request: Request) -> Response:
            authorized(request)
            found = await handler(request)
            return found if isinstance(found, Response) else JSONResponse(found)

        return Route(path, answer, methods=[method])

    def _organization(self, request: Request) -> Organization:
        found = self._world.fly.organization(request.path_params["org"])
        # Postgres requires the raw slug, not the alias.
        if found is None or (request.url.path.count("/postgres") and request.path_params["org"] != found.raw_slug):
            raise error(404, "Not Found")
        return found

    def _app(self, name: str) -> FlyApp:
        if name == TAKEN:
            raise error(403, "Forbidden")
        if name not in self._world.fly.apps:
            raise error(404, "Not Found")
        return self._world.fly.apps[name]
