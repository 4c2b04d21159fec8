# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that talks to Fly.io."""

    DOCUMENTATION = r"""
options:
  fly_api_token:
    description:
      - Token for Fly.io's APIs, with or without the word C(FlyV1) that C(fly tokens create) prints before it.
        If not set, the environment variables E(FLY_ACCESS_TOKEN) and E(FLY_API_TOKEN) are used.
      - Creating apps, databases and Redis needs an organization token, created with C(fly tokens create org).
    type: str
  fly_machines_url:
    description:
      - Base URL of the Machines API. If not set, the environment variable E(FLY_FLAPS_BASE_URL) is used.
    type: str
    default: https://api.machines.dev
  fly_api_url:
    description:
      - Base URL of the GraphQL API. If not set, the environment variable E(FLY_API_BASE_URL) is used.
    type: str
    default: https://api.fly.io
  fly_uiex_url:
    description:
      - Base URL of the API for releases and Managed Postgres. If not set, the environment variable
        E(FLY_UIEX_BASE_URL) is used. As in Fly's own client, it is independent of O(fly_api_url).
    type: str
    default: https://api.fly.io
  validate_certs:
    description:
      - Whether to verify the TLS certificates of the API.
    type: bool
    default: true
notes:
  - Requests that fail for a transient reason (408, 5xx, a lost connection) are retried for about 15 seconds, or for
    about five minutes while Fly answers that there were too many (429); the error then gives the number of attempts. A
    request that creates something is retried only if Fly says that it did nothing.
"""

    APP = r"""
options:
  app:
    description:
      - Name of the Fly app.
    type: str
    required: true
"""

    ORG = r"""
options:
  org:
    description:
      - Slug of the organization.
    type: str
    default: personal
"""
