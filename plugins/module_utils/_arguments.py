# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Options that modules share, and the API clients built from them; the doc fragments have the same shape."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule, env_fallback

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._errors import InputError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly_api import (
    FLY_API_URL,
    FLY_MACHINES_URL,
    FlyAPI,
    bare_token,
    graphql_authorization,
    has_macaroon,
    machines_authorization,
    uiex_authorization,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku_api import (
    ACCEPT,
    HEROKU_API_URL,
    HerokuAPI,
    pace,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._http import HTTPClient, open_url_transport


def heroku_arguments() -> dict[str, Any]:
    """Return the options of the doc fragment C(heroku)."""
    return {
        "heroku_api_key": {"type": "str", "no_log": True, "fallback": (env_fallback, ["HEROKU_API_KEY"])},
        "heroku_api_url": {
            "type": "str",
            "default": HEROKU_API_URL,
            "fallback": (env_fallback, ["HEROKU_API_URL"]),
        },
        "validate_certs": {"type": "bool", "default": True},
    }


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


def heroku_api(module: AnsibleModule) -> HerokuAPI:
    """Return the client for the module's options; raises InputError when there is no token."""
    token = _token(
        module, "heroku_api_key", "HEROKU_API_KEY", "heroku authorizations:create -s read-protected,write -S"
    )
    headers = {"Accept": ACCEPT, "Authorization": f"Bearer {token}"}
    transport = open_url_transport(module.params["validate_certs"])
    return HerokuAPI(HTTPClient("Heroku", module.params["heroku_api_url"], headers, transport, pace=pace))


def fly_api(module: AnsibleModule) -> FlyAPI:
    """Return the client for the module's options; raises InputError when there is no token."""
    token = fly_token(module)
    transport = open_url_transport(module.params["validate_certs"])

    def client(url_option: str, authorization: str) -> HTTPClient:
        return HTTPClient("Fly", module.params[url_option], {"Authorization": authorization}, transport)

    return FlyAPI(
        machines=client("fly_machines_url", machines_authorization(token)),
        graphql=client("fly_api_url", graphql_authorization(token)),
        uiex=client("fly_uiex_url", uiex_authorization(token)),
        macaroon=has_macaroon(token),
    )


def fly_token(module: AnsibleModule) -> str:
    """Return the module's Fly token; raises InputError when there is none."""
    return _token(module, "fly_api_token", "FLY_API_TOKEN", "fly tokens create org")


def _token(module: AnsibleModule, option: str, variable: str, command: str) -> str:
    token = (module.params[option] or "").strip()
    if not bare_token(token):
        raise InputError(
            option,
            f"no token was given, and {variable} is not set",
            f"Create one with '{command}' and pass it as {option} or in {variable}.",
        )
    if not (token.isascii() and token.isprintable()):
        raise InputError(
            option,
            "it holds a line break or a character that no token has",
            f"Copy the token again, as a single line; a new one is made by '{command}'.",
        )
    return token
