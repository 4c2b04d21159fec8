# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that talks to Heroku."""

    DOCUMENTATION = r"""
options:
  heroku_api_key:
    description:
      - Token for Heroku's API. If not set, the environment variable E(HEROKU_API_KEY) is used.
      - C(heroku authorizations:create -s read-protected -S) creates one that is enough for reading and check mode;
        add C(write) for a cut-over. C(write-protected) is needed only to change config vars.
    type: str
  heroku_api_url:
    description:
      - Base URL of Heroku's Platform API. If not set, the environment variable E(HEROKU_API_URL) is used.
    type: str
    default: https://api.heroku.com
  heroku_paced:
    description:
      - Whether requests are sent no faster than Heroku refills them when few of the account's 4,500 an hour are left.
      - Without it they are sent at once, as inside a freeze window, where the app is down while it waits.
    type: bool
    default: true
  validate_certs:
    description:
      - Whether to verify the TLS certificates of the API.
    type: bool
    default: true
notes:
  - Requests that fail for a transient reason (408, 5xx, a lost connection) are retried for about 15 seconds, or for
    about five minutes while Heroku answers that there were too many (429); the error then gives the number of attempts.
"""

    APP = r"""
options:
  app:
    description:
      - Name or id of the Heroku app.
    type: str
    required: true
"""
