#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fly_proxy
short_description: Open a tunnel into Fly's private network
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Opens a tunnel to a private Postgres or Redis through C(flyctl), so that later tasks can use it, and closes it.
  - flyctl registers a WireGuard peer with the organization, so the tunnel is not opened in check mode.
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.actiongroup_flyctl
  - flyover.heroku_to_fly.fly
  - flyover.heroku_to_fly.flyctl
attributes:
  check_mode:
    support: full
    details: No tunnel is opened; RV(local_port) is then V(0).
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  target:
    description:
      - What to connect to. The id of a Managed Postgres cluster, or C(HOST:PORT).
    type: str
    required: true
  app:
    description:
      - Name of an app in the organization whose private network the target is in.
    type: str
    required: true
  state:
    description:
      - Whether the tunnel should be open.
    type: str
    choices: [started, stopped]
    default: started
  local_port:
    description:
      - Local port on which the tunnel listens; V(0) for any free port.
    type: int
    default: 0
  state_file:
    description:
      - File that records the tunnel's process, so that only this process is ended.
    type: path
    required: true
  timeout:
    description:
      - Seconds to wait until the tunnel answers.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Work with the database
  block:
    - name: Open a tunnel
      flyover.heroku_to_fly.fly_proxy:
        target: abc123def4567
        app: paper-crane
        state_file: /tmp/paper-crane-tunnel.json
      register: tunnel
  always:
    - name: Close the tunnel
      flyover.heroku_to_fly.fly_proxy:
        target: abc123def4567
        app: paper-crane
        state: stopped
        state_file: /tmp/paper-crane-tunnel.json
"""

RETURN = r"""
host:
  description: Address on which the tunnel listens.
  returned: success
  type: str
  sample: 127.0.0.1
local_port:
  description: Its port; V(0) in check mode and if the tunnel is closed.
  returned: success
  type: int
  sample: 16380
pid:
  description: Id of flyctl's process; V(0) if there is none.
  returned: success
  type: int
  sample: 4711
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

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.arguments import fly_arguments
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.flyctl import (
    Flyctl,
    flyctl_arguments,
    flyctl_of,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.proxy import Tunnel, last_lines, start, stop


def work(module: AnsibleModule) -> dict[str, Any]:
    options = module.params
    tunnel = Tunnel(options["app"], options["target"], options["local_port"], Path(options["state_file"]))
    if options["state"] == "stopped":
        # Closing needs no flyctl; the token is only used to keep it out of what is shown.
        said = last_lines(Flyctl("", (options["fly_api_token"] or "").strip(), {}), tunnel)
        if said:
            module.warn(f"The tunnel to {tunnel.target} had ended on its own before it was closed. flyctl said: {said}")
        return stop(tunnel, module.check_mode)
    return start(flyctl_of(module.params), tunnel, options["timeout"], module.check_mode)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **fly_arguments(),
            **flyctl_arguments(),
            "target": {"type": "str", "required": True},
            "app": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["started", "stopped"], "default": "started"},
            "local_port": {"type": "int", "default": 0},
            "state_file": {"type": "path", "required": True},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    run(module, work)


if __name__ == "__main__":
    main()
