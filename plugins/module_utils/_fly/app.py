# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""A Fly app and its IP addresses: found, or created."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Callable

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import (
    NotFound,
    StateError,
    Unauthorized,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.polling import poll
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.api import FlyAPI
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.organization import (
    before_creating,
    warn_of_app_token,
)

# fly-go polls for a new app this long (seconds): not every part of Fly knows it at once.
FRESH_APP = 60
IP_KINDS = ("shared_v4", "v4", "v6", "private_v6")


def ip_kind(ip: dict[str, Any]) -> str:
    """Return the kind of an address in the API's list."""
    if ":" in ip["ip"]:
        return "private_v6" if ip["ip"].lower().startswith("fd") else "v6"
    return "shared_v4" if ip.get("shared") else "v4"


def addresses(fly: FlyAPI, app: str) -> list[dict[str, str]]:
    """Return the app's addresses and their kinds, in a fixed order."""
    found = [{"ip": ip["ip"], "kind": ip_kind(ip)} for ip in fly.ip_assignments(app)]
    return sorted(found, key=lambda ip: (IP_KINDS.index(ip["kind"]), ip["ip"]))


def ensure_app(
    fly: FlyAPI,
    app: str,
    org: str,
    ips: Sequence[str],
    check_mode: bool,
    warn: Callable[[str], None],
) -> dict[str, Any]:
    """Create the app in O(org) and assign the kinds of addresses that it lacks; return the module's result.

    Raises StateError if the app belongs to another organization that the token can see, Forbidden if it cannot.
    """
    found = fly.app(app)
    organization = fly.organization(org)
    if found is not None and found["organization"]["slug"] not in (organization["slug"], organization["rawSlug"]):
        raise StateError(
            f"Fly app {app}",
            f"it belongs to the organization {found['organization']['slug']}, not to {org}",
            "Give that organization as org, or choose another app name.",
        )
    created = found is None
    if created:
        before_creating(organization, warn)
        warn_of_app_token(fly, organization["slug"], warn)
    before = [] if found is None else addresses(fly, app)
    missing = [kind for kind in ips if kind not in {ip["kind"] for ip in before}]
    after = [*before, *({"ip": "", "kind": kind} for kind in missing)]
    if not check_mode:
        if created:
            fly.create_app(app, organization["slug"])
            found = _fresh(fly, app)
        for kind in missing:
            fly.assign_ip(app, kind)
        after = addresses(fly, app) if missing else before
    return {
        "changed": created or bool(missing),
        "created": created,
        "app": {
            "name": app,
            "id": (found or {}).get("id", ""),
            "org": organization["slug"],
            "status": (found or {}).get("status", ""),
        },
        "ips": after,
        "diff": {"before": "" if created else _text(app, before), "after": _text(app, after)},
    }


def _fresh(fly: FlyAPI, app: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        with suppress(NotFound, Unauthorized):
            found = fly.app(app)
            if found is not None:
                fly.machines(app)  # the list of its Machines becomes available last; flyctl also waits for it
            return found
        return None

    found, _shown = poll(look, lambda seen: seen is not None, FRESH_APP, 1.0)
    if found is None:
        raise NotFound(
            f"Fly app {app}",
            f"it was created, but Fly still does not show it after {FRESH_APP} s",
            "Run again.",
            status=404,
        )
    return found


def _text(app: str, ips: Sequence[dict[str, str]]) -> str:
    return "".join([f"app: {app}\n", *(f"{ip['kind']}: {ip['ip'] or 'to be assigned'}\n" for ip in ips)])
