#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fly_machines
short_description: Start and stop Machines by process group
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Starts and stops Machines that a deploy made, all at the same time, through the Machines API. Nothing is built,
    released, updated, created or destroyed.
  - A Machine with services that is stopped is also cordoned, since a request would start it again. Starting it lifts
    the cordon.
  - While somebody else has leased a Machine, as a deploy does, it is waited for.
  - Without O(counts), O(groups) and O(metadata) nothing is changed; RV(machines) tells what is there.
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.actiongroup_fly
  - flyover.heroku_to_fly.fly
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  app:
    description:
      - Name of the Fly app. It may be missing where nothing of it is to run.
    type: str
    required: true
  counts:
    description:
      - For each process group the number of Machines that are to be started; its others are stopped. Those that are
        started already go on.
    type: dict
  groups:
    description:
      - Process groups whose Machines are all to be as O(state) says, groups of Fly's own such as
        V(fly_app_release_command) among them.
    type: list
    elements: str
  state:
    description:
      - What the Machines of O(groups) are to be.
    type: str
    choices: [started, stopped]
  metadata:
    description:
      - Metadata to set on the Machines of O(counts) or O(groups), or on all Machines where neither is given. It
        restarts nothing. A null removes the key; what is neither a string nor null is kept as JSON.
    type: dict
    default: {}
  wait_timeout:
    description:
      - Seconds until all of them must have the state that is asked for.
    type: int
    default: 120
seealso:
  - module: flyover.heroku_to_fly.fly_deploy
"""

EXAMPLES = r"""
- name: Stop what serves visitors
  flyover.heroku_to_fly.fly_machines:
    app: paper-crane
    groups: [web]
    state: stopped

- name: Start what Heroku ran
  flyover.heroku_to_fly.fly_machines:
    app: paper-crane
    counts: {web: 2, worker: 1}
"""

RETURN = r"""
machines:
  description:
    - The Machines that deploys made, stand-bys among them, as they are now (in check mode, as they would be).
  returned: success
  type: list
  elements: dict
  sample:
    - id: 148e123
      group: web
      state: started
      metadata: {fly_platform_version: v2, fly_process_group: web}
remedy:
  description: What to do about the failure. It also ends C(msg).
  returned: failure
  type: str
  sample: Create a token with 'fly tokens create org' and pass it as fly_api_token.
status:
  description: HTTP status of the answer that ended the task.
  returned: failure, when Fly refused a request
  type: int
  sample: 403
error_id:
  description: Fly's name of the error, where it has one.
  returned: failure, when Fly refused a request
  type: str
  sample: insufficient_permissions
request_id:
  description: Fly's id of the request, for its support; empty where Fly gave none.
  returned: failure, when Fly refused a request
  type: str
  sample: 01JDMX3Z9Q-iad
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.arguments import fly_api, fly_arguments
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.running import ensure_machines, wishes


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **fly_arguments(),
            "app": {"type": "str", "required": True},
            "counts": {"type": "dict"},
            "groups": {"type": "list", "elements": "str"},
            "state": {"type": "str", "choices": ["started", "stopped"]},
            "metadata": {"type": "dict", "default": {}},
            "wait_timeout": {"type": "int", "default": 120},
        },
        mutually_exclusive=[("counts", "groups")],
        required_together=[("groups", "state")],
        supports_check_mode=True,
    )
    options = module.params
    run(
        module,
        lambda module: ensure_machines(
            fly_api(options),
            options["app"],
            wishes(options["counts"], options["groups"]),
            options["state"],
            options["metadata"],
            options["wait_timeout"],
            module.check_mode,
        ),
    )


if __name__ == "__main__":
    main()
