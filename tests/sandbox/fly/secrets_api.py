# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fly's Machines API: secrets, whose values cannot be read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from .flaps import APP, Part, error, read
from .state import FlyApp

if TYPE_CHECKING:
    from ..world import World

SECRET_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Secrets(Part):
    """The handlers."""

    async def secrets(self, request: Request) -> Any:
        app = self._at_version(request)
        return {"secrets": [_secret_object(app, name) for name in sorted(app.secrets)]}

    async def secret(self, request: Request) -> Any:
        app = self._at_version(request)
        if request.path_params["name"] not in app.secrets:
            raise error(404, "secret not found")
        return _secret_object(app, request.path_params["name"])

    async def update_secrets(self, request: Request) -> Any:
        app = self._app(request)
        values = (await read(request, {"values": dict}, ("values",)))["values"]
        for name, value in values.items():
            if not SECRET_NAME.fullmatch(name):
                raise error(400, f"invalid secret name {name!r}")
            if value is not None and not isinstance(value, str):
                raise error(400, f"json: cannot unmarshal the value of {name} into Go value of type string")
        version = app.update_secrets(values)
        named = [_secret_object(app, name) for name, value in values.items() if value is not None]
        return {"secrets": named, "version": version}

    async def set_secret(self, request: Request) -> Any:
        app, name = self._app(request), request.path_params["name"]
        value = (await read(request, {"value": str}, ("value",)))["value"]
        version = app.update_secrets({name: value})
        return JSONResponse({**_secret_object(app, name), "version": version}, 201)

    async def unset_secret(self, request: Request) -> Any:
        return {"version": self._app(request).update_secrets({request.path_params["name"]: None})}

    def _at_version(self, request: Request) -> FlyApp:
        """Return the app, at the requested minimum version, whose name in fly-go differs from the documentation."""
        app = self._app(request)
        least = request.query_params.get("version") or request.query_params.get("min_version") or "0"
        if not least.isdigit():
            raise error(400, f"version {least!r} is not a number")
        if int(least) > app.secrets_version:
            raise error(412, f"min_secrets_version {least} is not yet available on this app")
        return app


def _secret_object(app: FlyApp, name: str) -> dict[str, Any]:
    secret = app.secrets[name]
    return {
        "name": name,
        "digest": secret.digest,
        "created_at": secret.created_at,
        "updated_at": secret.updated_at,
    }


def routes(world: World) -> list[Route]:
    """Return the paths."""
    part = Secrets(world)
    one = f"{APP}/secrets/{{name}}"
    return [
        part.route(f"{APP}/secrets", part.secrets),
        part.route(f"{APP}/secrets", part.update_secrets, "POST"),
        part.route(one, part.secret),
        part.route(one, part.set_secret, "POST"),
        part.route(one, part.unset_secret, "DELETE"),
    ]
