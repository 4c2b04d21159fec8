# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apps, the account and config vars."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request

from ..wire import now
from .request import Part, body_of, error
from .state import OWNER, HerokuApp

CONFIG_LIMIT = 64 * 1024
NAME = re.compile(r"\w+", re.ASCII)


class Apps(Part):
    """Apps, the account and config vars."""

    async def apps(self, _request: Request) -> Any:
        return [self._app_object(app) for app in self._world.heroku.apps.values()]

    async def app(self, request: Request) -> Any:
        return self._app_object(self._app(request))

    async def update_app(self, request: Request) -> Any:
        app = self._app(request)
        body = await body_of(request, {"build_stack": str, "maintenance": bool, "name": str})
        if "name" in body or "build_stack" in body:
            raise error(422, "invalid_params", "The sandbox renames no app and changes no stack.")
        if body.get("maintenance") and app.scenario.generation == "fir":
            raise error(422, "invalid_params", "Maintenance mode is not supported for Fir-generation apps.")
        app.maintenance = body.get("maintenance", app.maintenance)
        return self._app_object(app)

    async def account(self, _request: Request) -> Any:
        return {**OWNER, "name": "Owner", "verified": True, "two_factor_authentication": False, "created_at": now()}

    async def rate_limits(self, _request: Request) -> Any:
        return {"remaining": self._world.heroku.requests_left}

    async def config_vars(self, request: Request) -> Any:
        return self._app(request).config()

    async def update_config_vars(self, request: Request) -> Any:
        app = self._app(request)
        body = await body_of(request)
        for name, value in body.items():
            if not NAME.fullmatch(name) or name[0].isdigit():
                raise error(422, "invalid_params", f"Config var name {name} is invalid.")
            if value is not None and not isinstance(value, str):
                raise error(422, "invalid_params", f"Config var {name} must be a string or null.")
        owned = sorted(name for name in body if app.owner_of(name))
        if owned:
            raise error(422, "invalid_params", f"Cannot overwrite attachment values {', '.join(owned)}.")
        changed = {**app.own_config, **body}
        kept = {name: value for name, value in changed.items() if value is not None}
        if sum(len(name) + len(value.encode()) for name, value in {**app.config(), **kept}.items()) > CONFIG_LIMIT:
            raise error(422, "invalid_params", "Config vars exceed 64kb.")
        app.own_config = kept
        app.release(f"{'Set' if any(body.values()) else 'Remove'} {', '.join(sorted(body))} config vars")
        return app.config()

    def _app_object(self, app: HerokuApp) -> dict[str, Any]:
        stack = {"id": f"stack-{app.scenario.stack}", "name": app.scenario.stack}
        return {
            "acm": True,
            "archived_at": None,
            "build_stack": stack,
            "buildpack_provided_description": "Ruby",
            "created_at": app.created_at,
            "generation": {"id": f"generation-{app.scenario.generation}", "name": app.scenario.generation},
            "git_url": f"https://git.heroku.com/{app.name}.git",
            "id": app.id,
            "internal_routing": False,
            "maintenance": app.maintenance,
            "name": app.name,
            "organization": None,
            "owner": OWNER,
            "region": {"id": f"region-{app.scenario.region}", "name": app.scenario.region},
            "released_at": app.releases[-1]["created_at"],
            "repo_size": 1048576,
            "slug_size": 52428800,
            "space": None,
            "stack": stack,
            "team": None,
            "updated_at": now(),
            "web_url": app.web_url,
        }
