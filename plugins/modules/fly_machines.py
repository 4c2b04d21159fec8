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
  - Starts and stops Machines that a deploy created, all at the same time, through the Machines API. Nothing is built,
    released, updated, created or destroyed.
  - Stopping a Machine with services also cordons it, because a request would start it again. Starting it lifts the
    cordon.
  - If another client, such as a deploy, holds a lease on a Machine, the module waits until the lease ends.
  - Without O(counts), O(groups) and O(metadata) nothing is changed; RV(machines) lists the existing Machines.
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
      - Name of the Fly app. It need not exist if none of its Machines should run.
    type: str
    required: true
  counts:
    description:
      - For each process group, the number of Machines to have started; its others are stopped. Machines that are
        already started are used first.
    type: dict
  groups:
    description:
      - Process groups whose Machines should all have the given O(state). Fly's own groups, such as
        V(fly_app_release_command), are allowed.
    type: list
    elements: str
  state:
    description:
      - Wanted state of the Machines in O(groups).
    type: str
    choices: [started, stopped]
  metadata:
    description:
      - Metadata to set on the Machines in O(counts) or O(groups), or on all Machines if neither is given. This restarts
        nothing. A null removes the key; a value that is neither a string nor null is stored as JSON.
    type: dict
    default: {}
  wait_timeout:
    description:
      - Seconds to wait until all of them have the wanted state.
    type: int
    default: 120
seealso:
  - module: flyover.heroku_to_fly.fly_deploy
"""

EXAMPLES = r"""
- name: Stop the Machines that serve visitors
  flyover.heroku_to_fly.fly_machines:
    app: paper-crane
    groups: [web]
    state: stopped

- name: Start as many Machines as Heroku had dynos
  flyover.heroku_to_fly.fly_machines:
    app: paper-crane
    counts: {web: 2, worker: 1}
"""

RETURN = r"""
machines:
  description:
    - The Machines that deploys created, including standby Machines, as they are now (in check mode, as they would be).
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Its id.
      type: str
      sample: 148e123
    group:
      description: Its process group.
      type: str
      sample: web
    state:
      description: Its state, such as V(started) or V(stopped).
      type: str
      sample: started
    metadata:
      description: Its metadata.
      type: dict
      sample: {fly_process_group: web}
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
