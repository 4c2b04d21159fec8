#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: heroku_app
short_description: Turn a Heroku app's maintenance mode on or off
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Turns maintenance mode on or off. In maintenance mode, Heroku's routers answer every request with a page and
    status 503. Dynos keep running, so this alone stops neither workers nor writes.
  - Nothing else about the app is changed. This collection has no way to delete an app.
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.actiongroup_heroku
  - flyover.heroku_to_fly.heroku
  - flyover.heroku_to_fly.heroku.app
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  maintenance:
    description:
      - Whether maintenance mode should be on.
    type: bool
    required: true
seealso:
  - module: flyover.heroku_to_fly.heroku_formation
"""

EXAMPLES = r"""
- name: Show visitors the maintenance page
  flyover.heroku_to_fly.heroku_app:
    app: paper-crane
    maintenance: true
"""

RETURN = r"""
maintenance:
  description: Whether maintenance mode is on now (in check mode, would be).
  returned: success
  type: bool
  sample: true
before:
  description: Whether maintenance mode was on before.
  returned: success
  type: bool
  sample: false
remedy:
  description: What to do about the failure. It also ends C(msg).
  returned: failure
  type: str
  sample: Create a token with 'heroku authorizations:create -s read-protected,write -S'.
status:
  description: HTTP status of the answer that made the task fail.
  returned: failure, when Heroku refused a request
  type: int
  sample: 403
request_id:
  description: Heroku's id for the request, to quote to its support; empty if Heroku sent none.
  returned: failure, when Heroku refused a request
  type: str
  sample: 0b2a7a3c-6f0e-4c5a-9b7e-2f1d2c3b4a59
error_id:
  description: Heroku's name for the error.
  returned: failure, when Heroku refused a request
  type: str
  sample: forbidden
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.arguments import (
    heroku_api,
    heroku_arguments,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.maintenance import ensure_maintenance


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **heroku_arguments(),
            "app": {"type": "str", "required": True},
            "maintenance": {"type": "bool", "required": True},
        },
        supports_check_mode=True,
    )
    run(
        module,
        lambda module: ensure_maintenance(
            heroku_api(module.params), module.params["app"], module.params["maintenance"], module.check_mode
        ),
    )


if __name__ == "__main__":
    main()
