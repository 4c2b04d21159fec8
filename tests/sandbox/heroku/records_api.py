# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything about an app that is only read."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from ..wire import new_id
from .request import Part, error
from .state import OWNER


class Records(Part):
    """Everything about an app that is only read."""

    async def domains(self, request: Request) -> Any:
        app = self._app(request)
        return [
            {
                **domain,
                "app": {"id": app.id, "name": app.name},
                "status": "succeeded" if domain["kind"] == "custom" else "none",
                "acm_status": "cert issued" if domain["kind"] == "custom" else None,
                "acm_status_reason": None,
                "sni_endpoint": None,
                "created_at": app.created_at,
                "updated_at": app.created_at,
            }
            for domain in app.domains
        ]

    async def releases(self, request: Request) -> Any:
        return self._app(request).releases

    async def release(self, request: Request) -> Any:
        app = self._app(request)
        for entry in app.releases:
            if request.path_params["release"] in (entry["id"], str(entry["version"]), f"v{entry['version']}"):
                return entry
        raise error(404, "not_found", "Couldn't find that release.", resource="release")

    async def slug(self, request: Request) -> Any:
        app = self._app(request)
        if request.path_params["slug"] != app.slug["id"] or app.scenario.generation != "cedar":
            raise error(404, "not_found", "Couldn't find that slug.", resource="slug")
        return {
            "id": app.slug["id"],
            "process_types": app.slug["process_types"],
            "commit": "0123abcd",
            "commit_description": "",
            "buildpack_provided_description": "Ruby",
            "checksum": "SHA256:" + "0" * 64,
            "size": 52428800,
            "stack": {"id": new_id(), "name": app.scenario.stack},
            "blob": {"method": "GET", "url": "https://example.com/slug"},
            "created_at": app.created_at,
            "updated_at": app.created_at,
            "deleted_at": None,
        }

    async def features(self, request: Request) -> Any:
        app = self._app(request)
        known = ("runtime-dyno-metadata", "http-session-affinity", "preboot", "runtime-heroku-metrics")
        return [
            {
                "id": new_id(),
                "name": name,
                "enabled": name in app.scenario.features,
                "description": "",
                "display_name": name,
                "doc_url": "https://devcenter.heroku.com",
                "feedback_email": "",
                "state": "general",
                "created_at": app.created_at,
                "updated_at": app.created_at,
            }
            for name in known
        ]

    async def log_drains(self, request: Request) -> Any:
        app = self._app(request)
        return [
            {"id": new_id(), "url": url, "token": f"d.{new_id()}", "addon": None, "extended": None}
            | {"created_at": app.created_at, "updated_at": app.created_at}
            for url in app.scenario.log_drains
        ]

    async def buildpacks(self, request: Request) -> Any:
        self._app(request)
        return [{"ordinal": 0, "buildpack": {"url": "urn:buildpack:heroku/ruby", "name": "heroku/ruby"}}]

    async def nothing(self, request: Request) -> Any:
        self._app(request)
        return []

    async def collaborators(self, request: Request) -> Any:
        app = self._app(request)
        return [{"id": new_id(), "app": {"id": app.id, "name": app.name}, "user": OWNER, "role": "owner"}]
