#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: heroku_dynos
short_description: List or stop the dynos outside a Heroku app's formation
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - One-off dynos (C(heroku run)) and those of Heroku Scheduler do not belong to the formation. They keep writing to
    the app's databases even if all process types are scaled to 0 and maintenance mode is on.
  - For the formation's dynos, use M(flyover.heroku_to_fly.heroku_formation).
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.actiongroup_heroku
  - flyover.heroku_to_fly.heroku
  - flyover.heroku_to_fly.heroku.app
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  state:
    description:
      - V(gathered) lists the dynos; V(stopped) stops them and waits until they are gone.
    type: str
    choices: [gathered, stopped]
    default: gathered
  wait_timeout:
    description:
      - How many seconds to wait before the module fails.
    type: int
    default: 300
seealso:
  - module: flyover.heroku_to_fly.heroku_formation
"""

EXAMPLES = r"""
- name: Stop the dynos outside the formation
  flyover.heroku_to_fly.heroku_dynos:
    app: paper-crane
    state: stopped
"""

RETURN = r"""
dynos:
  description: The dynos outside the formation, with C(name), C(type), C(command) and C(since) (their start time).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
      sample: run.4711
    type:
      description: Its process type.
      type: str
      sample: run
    command:
      description: What it runs.
      type: str
      sample: bin/rails console
    since:
      description: When it started.
      type: str
      sample: "2026-11-26T12:00:00Z"
  sample: [{name: run.4711, type: run, command: bin/rails console, since: "2026-11-26T12:00:00Z"}]
findings:
  description: What the user should know, as C(id), C(level), C(urgency), C(text) and C(remedy).
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: What it is about, which is stable. The collection's C(docs/findings.md) lists every id.
      type: str
      sample: one-off-dynos
    level:
      description: V(block), V(warn) or V(info).
      type: str
      sample: warn
    urgency:
      description: When to deal with it, V(before) the cut-over, on its V(day), or V(after) it.
      type: str
      sample: before
    text:
      description: What was found.
      type: str
    remedy:
      description: What to do about it.
      type: str
  sample: []
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

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.arguments import (
    heroku_api,
    heroku_arguments,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.dynos import one_off_dynos


def work(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    stop = params["state"] == "stopped"
    return one_off_dynos(heroku_api(params), params["app"], stop, params["wait_timeout"], module.check_mode)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **heroku_arguments(),
            "app": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["gathered", "stopped"], "default": "gathered"},
            "wait_timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    run(module, work)


if __name__ == "__main__":
    main()
