# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Add-ons and their attachments."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from .request import Part, body_of, error, expands_plan, is_sdk
from .state import HerokuApp, InstalledAddon


class Addons(Part):
    """Add-ons and their attachments."""

    async def addons(self, request: Request) -> Any:
        app = self._app(request)
        return [self._addon_object(app, addon, expands_plan(request)) for addon in app.addons]

    async def all_addons(self, request: Request) -> Any:
        return [
            self._addon_object(app, addon, expands_plan(request))
            for app in self._world.heroku.apps.values()
            for addon in app.addons
        ]

    async def attachments(self, request: Request) -> Any:
        app = self._app(request)
        return [self._attachment_object(app, a, b, is_sdk(request)) for a in app.addons for b in a.attachments]

    async def all_attachments(self, request: Request) -> Any:
        return [
            self._attachment_object(app, addon, attachment, is_sdk(request))
            for app in self._world.heroku.apps.values()
            for addon in app.addons
            for attachment in addon.attachments
        ]

    async def addon_attachments(self, request: Request) -> Any:
        app, addon = self._addon(request)
        return [self._attachment_object(app, addon, attachment, is_sdk(request)) for attachment in addon.attachments]

    async def resolve(self, request: Request) -> Any:
        body = await body_of(request)
        wanted = str(body.get("addon_attachment", ""))
        for app in self._world.heroku.apps.values():
            for addon in app.addons:
                for attachment in addon.attachments:
                    named = {attachment.name, f"{app.name}::{attachment.name}", attachment.id, addon.name}
                    if wanted in named or wanted in attachment.config:
                        return [self._attachment_object(app, addon, attachment, sdk=True)]
        raise error(404, "not_found", "Couldn't find that add on attachment.", resource="attachment")

    def _addon_object(self, app: HerokuApp, addon: InstalledAddon, expanded: bool) -> dict[str, Any]:
        owner = addon.addon.app or app.name
        return {
            "id": addon.id,
            "name": addon.name,
            "actions": [],
            "addon_service": {"id": f"service-{addon.addon.service}", "name": addon.addon.service},
            "plan": {
                "id": f"plan-{addon.addon.plan}",
                "name": addon.addon.plan,
                **({"price": {"cents": 0, "contract": False, "unit": "month"}} if expanded else {}),
            },
            "app": {"id": app.id if owner == app.name else f"app-{owner}", "name": owner},
            "billed_price": None,
            "billing_entity": {"id": app.id, "name": owner, "type": "app"},
            "config_vars": sorted(name for b in addon.attachments for name in b.config),
            "provider_id": f"provider-{addon.name}",
            "provision_message": "",
            "state": "provisioned",
            "web_url": f"https://example.com/addons/{addon.name}",
            "created_at": addon.created_at,
            "updated_at": addon.created_at,
        }

    def _attachment_object(self, app: HerokuApp, addon: InstalledAddon, attachment: Any, sdk: bool) -> dict[str, Any]:
        owner = addon.addon.app or app.name
        found: dict[str, Any] = {
            "id": attachment.id,
            "name": attachment.name,
            "namespace": attachment.namespace,
            "addon": {
                "id": addon.id,
                "name": addon.name,
                "app": {"id": app.id if owner == app.name else f"app-{owner}", "name": owner},
            },
            "app": {"id": app.id, "name": app.name},
            "log_input_url": None,
            "web_url": f"https://example.com/addons/{addon.name}",
            "created_at": addon.created_at,
            "updated_at": addon.created_at,
        }
        if sdk:
            found["config_vars"] = sorted(attachment.config)
            found["addon"]["plan"] = {"id": f"plan-{addon.addon.plan}", "name": addon.addon.plan}
        return found
