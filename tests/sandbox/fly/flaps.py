# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all parts of the Machines API share: tokens, rate limits, bodies, errors, and finding apps and Machines."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..tokens import FLY_TOKENS
from ..wire import Refused
from .runner import Machine
from .state import TAKEN, FlyApp

if TYPE_CHECKING:
    from ..world import World

# For each action per app or Machine: requests a second, and the burst size.
WRITE_LIMIT, READ_LIMIT = (1.0, 3), (5.0, 10)
APP = "/v1/apps/{app}"
MACHINE = APP + "/machines/{machine}"
Handler = Callable[[Request], Awaitable[Any]]


def error(status: int, text: str, code: str = "unknown") -> Refused:
    """Return the Machines API's form of an error."""
    return Refused(status, {"error": text, "status": code})


def tokens(request: Request, *schemes: str) -> list[str]:
    """Return a request's tokens; refuse it if it has another scheme or none of the sandbox's tokens."""
    scheme, _blank, given = request.headers.get("authorization", "").partition(" ")
    found = given.split(",")
    if scheme not in schemes or not set(found) & set(FLY_TOKENS):
        raise error(401, "unauthorized")
    return found


def authorize(request: Request) -> None:
    """Refuse what the Machines API refuses: only GraphQL and the REST API accept both types of tokens at once.

    Modelled on fly-go's tokens/tokens.go.
    """
    if len({token.startswith("fm") for token in tokens(request, "Bearer", "FlyV1")}) > 1:
        raise error(401, "unauthorized")


class Limits:
    """A token bucket for each action."""

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, request: Request) -> None:
        """Refuse a request above the limit."""
        rate, burst = READ_LIMIT if request.method == "GET" else WRITE_LIMIT
        key = f"{request.method} {request.url.path}"
        left, before = self._buckets.get(key, (float(burst), time.monotonic()))
        instant = time.monotonic()
        left = min(float(burst), left + (instant - before) * rate)
        if left < 1:
            raise Refused(429, {"error": "rate limit exceeded", "status": "unknown"})
        self._buckets[key] = (left - 1, instant)


class Part:
    """A part of the Machines API: its handlers return the body, or a whole answer."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._limits = Limits()

    def route(self, path: str, handler: Handler, method: str = "GET", limited: bool = True) -> Route:
        """Return a path whose requests are authorized and counted."""

        async def answer(request: Request) -> Response:
            authorize(request)
            if limited:
                self._limits.take(request)
            found = await handler(request)
            return found if isinstance(found, Response) else JSONResponse(found)

        return Route(path, answer, methods=[method])

    def _app(self, request: Request) -> FlyApp:
        name = request.path_params["app"]
        if name == TAKEN:
            raise error(403, "forbidden")
        if name not in self._world.fly.apps:
            raise error(404, f"Could not find App {name!r}")
        return self._world.fly.apps[name]

    def _machine(self, request: Request) -> Machine:
        app = self._app(request)
        if request.path_params["machine"] not in app.machines:
            raise error(404, "machine not found")
        return app.machines[request.path_params["machine"]]


async def read(request: Request, fields: Mapping[str, type], required: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a JSON body; refuse unknown fields unless Fly's own client sends them."""
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        raise error(400, "invalid JSON body") from None
    if not isinstance(body, dict):
        raise error(400, "the body must be an object")
    for name in required:
        if name not in body:
            raise error(400, f"{name} is required")
    lenient = request.headers.get("user-agent", "").startswith(("fly-go", "flyctl"))
    for name, value in body.items():
        if name not in fields:
            if not lenient:
                raise error(400, f"unknown field {name}")
        elif value is not None and not isinstance(value, fields[name]):
            raise error(400, f"{name} has the wrong type")
    return body
