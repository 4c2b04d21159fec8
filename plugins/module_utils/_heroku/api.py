# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Heroku's Platform API v3 and the data host: the calls this collection makes, with typed errors.

Facts: devcenter.heroku.com/articles/platform-api-reference, and the official heroku command-line client for what the
reference omits (C(version=3.sdk), the data host).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.http import HTTPClient, Response, error_class

HEROKU_API_URL = "https://api.heroku.com"
ACCEPT = "application/vnd.heroku+json; version=3"
# Sent by every pg:* command of the official client; only in this form do attachments list their config vars.
ACCEPT_SDK = "application/vnd.heroku+json; version=3.sdk"
# The account's 4,500 requests an hour come back one in 0.8 seconds. Below this many left, requests get slower.
FEW_LEFT, REFILL, SLOWEST = 150, 60 / 75, 60.0
APP_NAME = re.compile(r"[a-z][a-z0-9-]{1,28}[a-z0-9]|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
REMEDIES = {
    401: "Give a valid token: heroku authorizations:create -s read-protected,write -S",
    402: "Resolve the account's billing problem at Heroku first.",
    403: "Use a token whose scope allows this (read-protected to read config vars, write to change the app) "
    "and whose account may see the app.",
    404: "Check the app's name, and that the token's account may see it: Heroku also answers 404 if it may not.",
    409: "Another change is in progress; run again in a minute.",
    422: "Correct what Heroku's message names.",
    429: "Wait a few minutes: everyone who uses the account shares its 4,500 requests an hour.",
}


def pace(response: Response) -> float:
    """Return the seconds to wait after an answer, so that nobody who uses the account is shut out by us.

    Runs know nothing of each other, but all see how many requests are left. The fewer, the longer each of them waits,
    until together they send no more than come back: 10 at about 50 left, 50 at about 20.
    """
    left = response.headers.get("ratelimit-remaining", "")
    if not left.isdigit() or int(left) >= FEW_LEFT:
        return 0.0
    return min(REFILL * (FEW_LEFT / max(int(left), 1)) ** 2, SLOWEST)


class HerokuAPI:
    """Read and change Heroku apps. Every method may raise an APIError or ConnectionFailed.

    An impossible app name raises InputError before any request.
    """

    def __init__(self, http: HTTPClient) -> None:
        """Take a client that sends the token and the C(Accept) header of version 3."""
        self._http = http

    def app(self, app: str) -> dict[str, Any]:
        """Return the app object."""
        return self._get(_app_path(app), thing=f"Heroku app {app}")

    def set_maintenance(self, app: str, maintenance: bool) -> dict[str, Any]:
        """Turn maintenance mode on or off and return the app object."""
        return self._change(app, _app_path(app), {"maintenance": maintenance})

    def config_vars(self, app: str) -> dict[str, str]:
        """Return the config vars of the current release, name to value."""
        return self._get(f"{_app_path(app)}/config-vars", thing=f"config vars of Heroku app {app}")

    def set_config_vars(self, app: str, values: Mapping[str, str | None]) -> dict[str, str]:
        """Set and unset (None) config vars in one release, which restarts the dynos; return all config vars."""
        return self._change(app, f"{_app_path(app)}/config-vars", dict(values), what="config vars of Heroku app")

    def formation(self, app: str) -> list[dict[str, Any]]:
        """Return the process types with quantity, size and command."""
        return self._list(f"{_app_path(app)}/formation", thing=f"formation of Heroku app {app}")

    def scale(self, app: str, quantities: Mapping[str, int]) -> list[dict[str, Any]]:
        """Set the dyno quantities of some process types and return the changed ones."""
        updates = [{"type": kind, "quantity": quantity} for kind, quantity in quantities.items()]
        return self._change(app, f"{_app_path(app)}/formation", {"updates": updates}, what="formation of Heroku app")

    def dynos(self, app: str) -> list[dict[str, Any]]:
        """Return the running dynos, including one-off and scheduler dynos."""
        return self._list(f"{_app_path(app)}/dynos", thing=f"dynos of Heroku app {app}")

    def run_dyno(self, app: str, command: str, size: str | None, time_to_live: int) -> dict[str, Any]:
        """Start a one-off dyno to attach to, without a terminal; it lives at most O(time_to_live) seconds.

        Not retried if there is no answer, because the dyno may have started.
        """
        path, body = f"{_app_path(app)}/dynos", {"command": command, "attach": True, "env": {}, "force_no_tty": True}
        more = {"time_to_live": time_to_live, **({"size": size} if size else {})}
        response = self._http.send("POST", path, body={**body, **more}, repeatable=False)
        return self._checked(response, "POST", path, f"one-off dyno of Heroku app {app}")

    def stop_dyno(self, app: str, dyno: str) -> None:
        """Stop a dyno; Heroku restarts one that belongs to the formation, but not a one-off dyno."""
        path = f"{_app_path(app)}/dynos/{_part(dyno)}/actions/stop"
        self._checked(self._http.send("POST", path), "POST", path, f"dyno {dyno} of Heroku app {app}")

    def addons(self, app: str) -> list[dict[str, Any]]:
        """Return the add-ons that are billed to or attached to the app."""
        return self._list(f"{_app_path(app)}/addons", thing=f"add-ons of Heroku app {app}")

    def attachments(self, app: str) -> list[dict[str, Any]]:
        """Return the add-on attachments, with C(config_vars) if Heroku answers as it does to its own client."""
        headers = {"Accept": ACCEPT_SDK, "Accept-Inclusion": "addon:plan,config_vars"}
        return self._list(f"{_app_path(app)}/addon-attachments", f"attachments of Heroku app {app}", headers)

    def addon_attachments(self, addon: str) -> list[dict[str, Any]]:
        """Return the attachments of one add-on to all apps."""
        return self._list(f"/addons/{_part(addon)}/addon-attachments", thing=f"attachments of add-on {addon}")

    def domains(self, app: str) -> list[dict[str, Any]]:
        """Return the app's domains, including Heroku's own."""
        return self._list(f"{_app_path(app)}/domains", thing=f"domains of Heroku app {app}")

    def features(self, app: str) -> list[dict[str, Any]]:
        """Return the app's labs features."""
        return self._list(f"{_app_path(app)}/features", thing=f"features of Heroku app {app}")

    def log_drains(self, app: str) -> list[dict[str, Any]]:
        """Return the app's log drains; their URLs hold credentials."""
        return self._list(f"{_app_path(app)}/log-drains", thing=f"log drains of Heroku app {app}")

    def buildpacks(self, app: str) -> list[dict[str, Any]]:
        """Return the app's buildpack installations in their order."""
        path = f"{_app_path(app)}/buildpack-installations"
        return self._list(path, thing=f"buildpacks of Heroku app {app}")

    def latest_release(self, app: str) -> dict[str, Any] | None:
        """Return the newest release, or None; each change to config vars, add-ons or the slug makes a new one."""
        path, headers = f"{_app_path(app)}/releases", {"Range": "version ..; order=desc,max=1"}
        response = self._http.send("GET", path, headers=headers)
        if response.status == 416:
            return None
        releases = self._checked(response, "GET", path, f"releases of Heroku app {app}")
        return releases[0] if releases else None

    def slug(self, app: str, slug: str) -> dict[str, Any]:
        """Return a slug, with the C(process_types) of the Procfile it was built from."""
        return self._get(f"{_app_path(app)}/slugs/{_part(slug)}", thing=f"slug {slug} of Heroku app {app}")

    def _get(self, path: str, thing: str) -> Any:
        return self._checked(self._http.send("GET", path), "GET", path, thing)

    def _change(self, app: str, path: str, body: Any, what: str = "Heroku app") -> Any:
        return self._checked(self._http.send("PATCH", path, body=body), "PATCH", path, f"{what} {app}")

    def _list(self, path: str, thing: str, headers: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """Follow C(206) and C(Next-Range) to the last page."""
        items: list[dict[str, Any]] = []
        sent = {"Range": "id ..; max=1000", **(headers or {})}
        while True:
            response = self._http.send("GET", path, headers=sent)
            items.extend(self._checked(response, "GET", path, thing))
            if response.status != 206 or "next-range" not in response.headers:
                return items
            sent["Range"] = response.headers["next-range"]

    def _checked(self, response: Response, method: str, path: str, thing: str) -> Any:
        answer = response.json()
        if response.status < 300 and answer is not None:
            return answer
        status = response.status
        error = answer if isinstance(answer, dict) else {}
        error_id = str(error.get("id", "no error id"))
        message = str(error.get("message", "the answer was not JSON")).rstrip(".")
        if error_id == "two_factor":
            status = 403
            message = "this account's tokens need a second factor"
        raise error_class(status)(
            thing,
            f"{message} ({response.outcome} {error_id}, {method} {path}, request {response.request_id})",
            REMEDIES.get(status) or response.remedy("Heroku", "status.heroku.com"),
            status=status,
            request_id=response.request_id,
            error_id=error_id,
        )


def app_name(app: str) -> str:
    """Return O(app); raises InputError if it cannot be an app's name or id."""
    if not APP_NAME.fullmatch(app):
        raise InputError(
            f"Heroku app {app!r}",
            "an app name has 3 to 30 lower-case letters, digits and hyphens, starting with a letter",
            "Give the name that 'heroku apps' lists.",
        )
    return app


def _app_path(app: str) -> str:
    return f"/apps/{_part(app_name(app))}"


def _part(text: str) -> str:
    return quote(text, safe="")
