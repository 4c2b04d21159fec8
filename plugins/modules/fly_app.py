#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fly_app
short_description: Make sure that a Fly app exists, with its IP addresses
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Finds an app by its name, or creates it in the organization, and assigns the kinds of IP addresses that it lacks.
  - Nothing is deployed. Apps are never deleted, and addresses never released.
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.actiongroup_fly
  - flyover.heroku_to_fly.fly
  - flyover.heroku_to_fly.fly.org
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  name:
    description:
      - Name of the app. Names are unique among all apps of Fly.io.
    type: str
    required: true
  state:
    description:
      - V(present) is the only state.
    type: str
    choices: [present]
    default: present
  ips:
    description:
      - Kinds of IP addresses that the app should have. V(v4) costs money; the others are free.
    type: list
    elements: str
    choices: [shared_v4, v4, v6, private_v6]
    default: []
seealso:
  - module: flyover.heroku_to_fly.fly_app_info
"""

EXAMPLES = r"""
- name: Create the app with public addresses
  flyover.heroku_to_fly.fly_app:
    name: paper-crane
    org: personal
    ips: [shared_v4, v6]
"""

RETURN = r"""
created:
  description: Whether the app was created (in check mode, would be).
  returned: success
  type: bool
  sample: false
app:
  description: The app.
  returned: success
  type: dict
  contains:
    name:
      description: Its name.
      type: str
      returned: always
    id:
      description: Its id, empty in check mode for an app that does not exist.
      type: str
      returned: always
    org:
      description: Slug of its organization.
      type: str
      returned: always
    status:
      description: V(pending) before the first deploy, then V(deployed) or V(suspended).
      type: str
      returned: always
  sample: {name: paper-crane, id: abc123, org: personal, status: pending}
ips:
  description: Its addresses; one that check mode would assign has no RV(ips[].ip).
  returned: success
  type: list
  elements: dict
  contains:
    ip:
      description: The address.
      type: str
      returned: always
    kind:
      description: One of the kinds of O(ips).
      type: str
      returned: always
  sample: [{ip: 66.241.124.1, kind: shared_v4}]
remedy:
  description: What to do about the failure. It also ends C(msg).
  returned: failure
  type: str
  sample: Create a token with 'fly tokens create org' and pass it as fly_api_token.
status:
  description: HTTP status of the answer that made the task fail.
  returned: failure, when Fly refused a request
  type: int
  sample: 403
error_id:
  description: Fly's name for the error, if it has one.
  returned: failure, when Fly refused a request
  type: str
  sample: insufficient_permissions
request_id:
  description: Fly's id for the request, to quote to its support; empty if Fly sent none.
  returned: failure, when Fly refused a request
  type: str
  sample: 01JDMX3Z9Q-iad
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.app import IP_KINDS, ensure_app
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.arguments import fly_api, fly_arguments


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **fly_arguments(),
            "name": {"type": "str", "required": True},
            "org": {"type": "str", "default": "personal"},
            "state": {"type": "str", "choices": ["present"], "default": "present"},
            "ips": {"type": "list", "elements": "str", "choices": list(IP_KINDS), "default": []},
        },
        supports_check_mode=True,
    )
    run(
        module,
        lambda module: ensure_app(
            fly_api(module.params),
            module.params["name"],
            module.params["org"],
            module.params["ips"],
            module.check_mode,
            module.warn,
        ),
    )


if __name__ == "__main__":
    main()
