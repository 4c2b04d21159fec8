# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The options of the doc fragment C(heroku), and the API client built from them."""

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
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.api import (
    ACCEPT,
    HEROKU_API_URL,
    HerokuAPI,
    pace,
)


def heroku_arguments() -> dict[str, Any]:
    """Return the options of the doc fragment C(heroku)."""
    return {
        "heroku_api_key": {"type": "str", "no_log": True, "fallback": (env_fallback, ["HEROKU_API_KEY"])},
        "heroku_api_url": {
            "type": "str",
            "default": HEROKU_API_URL,
            "fallback": (env_fallback, ["HEROKU_API_URL"]),
        },
        "heroku_paced": {"type": "bool", "default": True},
        "validate_certs": {"type": "bool", "default": True},
    }


def heroku_api(params: Mapping[str, Any]) -> HerokuAPI:
    """Return the client for a module's parameters; raises InputError if there is no token."""
    token = checked_token(
        params["heroku_api_key"],
        "heroku_api_key",
        "HEROKU_API_KEY",
        "heroku authorizations:create -s read-protected,write -S",
    )
    headers = {"Accept": ACCEPT, "Authorization": f"Bearer {token}"}
    transport = open_url_transport(params["validate_certs"])
    url = checked_url(params["heroku_api_url"], "heroku_api_url")
    return HerokuAPI(HTTPClient("Heroku", url, headers, transport, pace=pace if params["heroku_paced"] else None))
