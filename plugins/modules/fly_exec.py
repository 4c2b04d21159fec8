#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fly_exec
short_description: Run a command in a started Machine
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Runs a command in one started Machine of a Fly app, over HTTPS, without WireGuard or SSH.
  - Unlike C(fly machine exec), the task fails if the command does.
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.actiongroup_fly
  - flyover.heroku_to_fly.fly
  - flyover.heroku_to_fly.fly.app
attributes:
  check_mode:
    support: none
    details: It cannot be known what a command would do, so the task is skipped.
  diff_mode:
    support: none
  idempotent:
    support: none
options:
  group:
    description:
      - Process group of the Machine. By default, any group.
    type: str
  argv:
    description:
      - The command and its arguments, as a list. It runs without a shell unless it starts one itself.
    type: list
    elements: str
    required: true
  timeout:
    description:
      - Seconds that the command may take.
    type: int
    default: 30
"""

EXAMPLES = r"""
- name: See which migrations are pending
  flyover.heroku_to_fly.fly_exec:
    app: paper-crane
    group: web
    argv: [bin/rails, db:migrate:status]
    timeout: 120
  changed_when: false
"""

RETURN = r"""
machine:
  description: Id of the Machine.
  returned: success
  type: str
  sample: 148e123
rc:
  description: The command's exit code; 128 plus the signal's number, as in a shell, if a signal killed it.
  returned: success
  type: int
  sample: 0
stdout:
  description: What the command printed to standard output.
  returned: success
  type: str
  sample: up
stderr:
  description: What the command printed to standard error.
  returned: success
  type: str
  sample: ""
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
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.arguments import fly_api, fly_arguments
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.exec import execute


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **fly_arguments(),
            "app": {"type": "str", "required": True},
            "group": {"type": "str"},
            "argv": {"type": "list", "elements": "str", "required": True},
            "timeout": {"type": "int", "default": 30},
        },
        supports_check_mode=False,
    )
    options = module.params
    run(
        module,
        lambda module: execute(fly_api(options), options["app"], options["group"], options["argv"], options["timeout"]),
    )


if __name__ == "__main__":
    main()
