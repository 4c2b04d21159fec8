# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The options of the doc fragment C(fly), and the API client built from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import env_fallback

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.http import (
    HTTPClient,
    checked_url,
    open_url_transport,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.token import checked_token
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.api import (
    FLY_API_URL,
    FLY_MACHINES_URL,
    FlyAPI,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.tokens import (
    bare_token,
    graphql_authorization,
    has_macaroon,
    machines_authorization,
    uiex_authorization,
)


def fly_arguments() -> dict[str, Any]:
    """Return the options of the doc fragment C(fly)."""
    return {
        "fly_api_token": {
            "type": "str",
            "no_log": True,
            "fallback": (env_fallback, ["FLY_ACCESS_TOKEN", "FLY_API_TOKEN"]),
        },
        "fly_machines_url": {
            "type": "str",
            "default": FLY_MACHINES_URL,
            "fallback": (env_fallback, ["FLY_FLAPS_BASE_URL"]),
        },
        "fly_api_url": {"type": "str", "default": FLY_API_URL, "fallback": (env_fallback, ["FLY_API_BASE_URL"])},
        "fly_uiex_url": {"type": "str", "default": FLY_API_URL, "fallback": (env_fallback, ["FLY_UIEX_BASE_URL"])},
        "validate_certs": {"type": "bool", "default": True},
    }


def fly_api(params: Mapping[str, Any]) -> FlyAPI:
    """Return the client for a module's parameters; raises InputError if there is no token."""
    token = fly_token(params)
    transport = open_url_transport(params["validate_certs"])

    def client(url_option: str, authorization: str) -> HTTPClient:
        return HTTPClient(
            "Fly", checked_url(params[url_option], url_option), {"Authorization": authorization}, transport
        )

    return FlyAPI(
        machines=client("fly_machines_url", machines_authorization(token)),
        graphql=client("fly_api_url", graphql_authorization(token)),
        uiex=client("fly_uiex_url", uiex_authorization(token)),
        macaroon=has_macaroon(token),
    )


def fly_token(params: Mapping[str, Any]) -> str:
    """Return the Fly token from a module's parameters; raises InputError if there is none."""
    given = params["fly_api_token"] or ""
    # A scheme with nothing after it is not a token.
    return checked_token(given if bare_token(given) else "", "fly_api_token", "FLY_API_TOKEN", "fly tokens create org")
