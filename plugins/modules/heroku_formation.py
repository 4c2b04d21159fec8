#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: heroku_formation
short_description: Set a Heroku app's dyno quantities and wait until its dynos are down or up
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Scales process types in one request, then waits until no dyno of a type with quantity 0 is left and all dynos of the
    others are up. Heroku itself answers before any of that has happened.
  - One-off dynos (C(heroku run)) and those of Heroku Scheduler do not belong to the formation. They are stopped only
    with O(stop_other_dynos); otherwise they are returned in RV(other_dynos), with a warning, because they can still
    write to the database.
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
  quantities:
    description:
      - Number of dynos by process type. Types that are not listed keep theirs.
    type: dict
    required: true
  stop_other_dynos:
    description:
      - Whether to end dynos outside the formation too, also those that start meanwhile. They do not start again.
    type: bool
    default: false
  wait:
    description:
      - Whether to wait for the dynos, even if no quantity had to be changed.
    type: bool
    default: true
  wait_timeout:
    description:
      - How many seconds to wait before the module fails.
    type: int
    default: 300
  expected_release:
    description:
      - Version that the app's newest release must still have once the dynos are down or up. A different one means that
        someone changed the app meanwhile, and the module fails.
    type: int
seealso:
  - module: flyover.heroku_to_fly.heroku_app
"""

EXAMPLES = r"""
- name: Stop the app
  flyover.heroku_to_fly.heroku_formation:
    app: paper-crane
    quantities: {web: 0, worker: 0}
  register: stopped

- name: Start it again
  flyover.heroku_to_fly.heroku_formation:
    app: paper-crane
    quantities: "{{ stopped.before }}"
"""

RETURN = r"""
before:
  description: Quantities of all process types before.
  returned: success
  type: dict
  sample: {web: 2, worker: 1}
after:
  description: Quantities of all process types now (in check mode, as they would be).
  returned: success
  type: dict
  sample: {web: 0, worker: 0}
other_dynos:
  description: Running dynos outside the formation.
  returned: success
  type: list
  elements: str
  sample: [run.4821]
stopped_dynos:
  description: Dynos outside the formation that were stopped, each with C(name), C(type), C(command) and C(since).
  returned: with O(stop_other_dynos)
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
  sample: [{name: run.4821, type: run, command: rake report, since: "2026-11-24T09:00:00Z"}]
findings:
  description: What the user should know about them, as C(id), C(level), C(urgency), C(text) and C(remedy).
  returned: with O(stop_other_dynos)
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
late:
  description: What was not as wanted when the time was up.
  returned: failure, when O(wait_timeout) has passed
  type: list
  elements: str
  sample: [worker.1 is still up]
release_version:
  description: Version of the app's newest release.
  returned: failure, when it is not O(expected_release)
  type: int
  sample: 43
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
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.config import check_release
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.formation import ensure_quantities


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **heroku_arguments(),
            "app": {"type": "str", "required": True},
            "quantities": {"type": "dict", "required": True},
            "stop_other_dynos": {"type": "bool", "default": False},
            "wait": {"type": "bool", "default": True},
            "wait_timeout": {"type": "int", "default": 300},
            "expected_release": {"type": "int"},
        },
        supports_check_mode=True,
    )
    run(module, work)


def work(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    heroku = heroku_api(module.params)
    result = ensure_quantities(
        heroku,
        params["app"],
        params["quantities"],
        params["wait"],
        params["wait_timeout"],
        module.check_mode,
        params["stop_other_dynos"],
    )
    if params["expected_release"] is not None:
        check_release(heroku, params["app"], params["expected_release"])
    if result["other_dynos"]:
        module.warn(
            f"Heroku app {params['app']}: {', '.join(result['other_dynos'])} run outside the formation and can still "
            "write. 'heroku ps:stop' stops a dyno; turn off jobs in the Heroku Scheduler dashboard."
        )
    return result


if __name__ == "__main__":
    main()
