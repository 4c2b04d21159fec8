# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What applies to every request to Heroku: token, version, rate limit, ranges, ETag; and helpers for handlers."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from ..wire import Refused
from .state import HerokuApp, InstalledAddon

if TYPE_CHECKING:
    from ..world import World

PAGE = 200
MOST = 1000
Handler = Callable[[Request], Awaitable[Any]]


def error(status: int, error_id: str, message: str, **more: Any) -> Refused:
    """Return Heroku's form of an error."""
    return Refused(status, {"id": error_id, "message": message, **more})


class Part:
    """Handlers for one subject; each returns the content of the answer's body."""

    def __init__(self, world: World) -> None:
        self._world = world

    def _app(self, request: Request) -> HerokuApp:
        try:
            return self._world.heroku.app(request.path_params["app"])
        except KeyError:
            raise error(404, "not_found", "Couldn't find that app.", resource="app") from None

    def _addon(self, request: Request) -> tuple[HerokuApp, InstalledAddon]:
        try:
            return self._world.heroku.addon(request.path_params["addon"])
        except KeyError:
            raise error(404, "not_found", "Couldn't find that add-on.", resource="addon") from None


class Gate:
    """Wraps all handlers."""

    def __init__(self, world: World, token: str) -> None:
        self._world = world
        self._token = token

    def wrapped(self, handler: Handler, data_host: bool, paged: str, status: int) -> Handler:
        """Return O(handler) wrapped in what applies to every request: token, version, rate limit, ranges, ETag."""

        async def answer(request: Request) -> Response:
            self._authorize(request, data_host)
            state = self._world.heroku
            if request.url.path != "/account/rate-limits":
                if state.requests_left <= 0:
                    raise error(
                        429,
                        "rate_limit",
                        "Your account reached the API rate limit\nPlease wait a few minutes before making new requests",
                        url="https://devcenter.heroku.com/articles/platform-api-reference#rate-limits",
                    )
                state.requests_left -= 1
            found = await handler(request)
            headers = {"RateLimit-Remaining": str(state.requests_left)}
            code = status
            if paged and isinstance(found, list):
                found, code, more = page(found, paged, request.headers.get("range", ""))
                headers |= more
            content = json.dumps(found).encode()
            headers["ETag"] = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
            if request.method == "GET" and request.headers.get("if-none-match") == headers["ETag"]:
                return Response(status_code=304, headers=headers)
            return Response(content, code, headers, media_type="application/json")

        return answer

    def _authorize(self, request: Request, data_host: bool) -> None:
        scheme, _blank, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                given = base64.b64decode(given).decode().partition(":")[2]
            except ValueError:
                given = ""
        if given != self._token:
            raise error(401, "unauthorized", "Invalid credentials provided.")
        accept = request.headers.get("accept", "")
        if not data_host and not re.search(r"application/vnd\.heroku\+json;\s*version=3(\.\w+)?", accept):
            raise error(406, "not_acceptable", "The Accept header must name version 3 of the API.")


async def body_of(
    request: Request, types: Mapping[str, Any] | None = None, required: tuple[str, ...] = ()
) -> dict[str, Any]:
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise error(400, "bad_request", "The Content-Type must be application/json.")
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise error(400, "bad_request", "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise error(400, "bad_request", "The body must be an object.")
    for name in required:
        if name not in body:
            raise error(422, "invalid_params", f"The field {name} is missing.")
    for name, value in body.items():
        if types is None:
            break
        if name not in types:
            raise error(422, "invalid_params", f"Unknown field {name}.")
        if not isinstance(value, types[name]):
            raise error(422, "invalid_params", f"The field {name} has the wrong type.")
    return body


def page(items: list[Any], key: str, header: str) -> tuple[list[Any], int, dict[str, str]]:
    """Return one page: C(Range: id FROM..TO; max=N,order=desc), answered with C(206) and C(Next-Range)."""
    found = re.fullmatch(r"(\w+)\s+(\]?)([^.;]*)\.\.([^;]*)(?:;(.*))?", header.strip()) if header else None
    if header and not found:
        raise error(416, "requested_range_not_satisfiable", f"The Range {header} is not valid.")
    options = re.findall(r"(\w+)=(\w+)", (found[5] or "") if found else "")
    settings = dict(options)
    key = found[1] if found and any(found[1] in item for item in items) else key
    ordered = sorted(items, key=lambda item: item.get(key, ""), reverse=settings.get("order") == "desc")
    if found and found[3]:
        position = next((n for n, item in enumerate(ordered) if str(item.get(key)) == found[3]), len(ordered))
        ordered = ordered[position + (1 if found[2] else 0) :]
    most = min(int(settings.get("max", PAGE)), MOST)
    page = ordered[:most]
    headers = {"Accept-Ranges": key}
    if page:
        headers["Content-Range"] = f"{key} {page[0].get(key)}..{page[-1].get(key)}"
    if len(ordered) <= most:
        return page, 200, headers
    order = f",order={settings['order']}" if "order" in settings else ""
    headers["Next-Range"] = f"{key} ]{page[-1].get(key)}..; max={most}{order}"
    return page, 206, headers


def is_sdk(request: Request) -> bool:
    return "3.sdk" in request.headers.get("accept", "") and "config_vars" in request.headers.get("accept-inclusion", "")


def expands_plan(request: Request) -> bool:
    return "plan" in request.headers.get("accept-expansion", "")


def is_cli(request: Request) -> bool:
    return request.headers.get("user-agent", "").startswith("heroku-cli")
