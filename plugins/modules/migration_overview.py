#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_overview
short_description: Show many migrations at a glance
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Shows what M(flyover.heroku_to_fly.migration_report) returned for each host of a play as one table, as plain text
    under every callback. Apps that need attention come first.
  - The playbooks of this collection end with it if they have several hosts.
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.common
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details:
      - The page is not shown as a diff.
  idempotent:
    support: full
options:
  results:
    description:
      - What M(flyover.heroku_to_fly.migration_report) returned for each host, or an empty dict if the host failed
        before it.
    type: dict
    required: true
  dest:
    description:
      - Path of an HTML page to write. It links to the apps' reports, which must be in the same folder. By default
        the module writes none.
    type: path
    default: ""
seealso:
  - module: flyover.heroku_to_fly.migration_report
"""

EXAMPLES = r"""
- name: Show all apps
  flyover.heroku_to_fly.migration_overview:
    dest: /srv/reports/index.html
    results: >-
      {{ dict(ansible_play_hosts_all
              | zip(ansible_play_hosts_all | map('extract', hostvars) | map(attribute='report', default={}))) }}
  run_once: true
"""

RETURN = r"""
apps:
  description: The summary of each host, those that need a person first.
  returned: success
  type: list
  elements: dict
  contains:
    host:
      description: The host of the inventory. The other keys are there unless its run ended before a plan or report.
      type: str
      sample: paper-crane
    heroku_app:
      description: The app on Heroku.
      type: str
      sample: paper-crane
    fly_app:
      description: The app on Fly.io.
      type: str
      sample: paper-crane
    url:
      description: Where it answers on Fly.io.
      type: str
      sample: https://paper-crane.fly.dev
    status:
      description: How far it is, V(frozen), V(failed), V(not started), V(rehearsed) or V(live).
      type: str
      sample: rehearsed
    state:
      description: The same as a sentence.
      type: str
      sample: "rehearsed on Fly.io, live on Heroku"
    blocks:
      description: How many findings block.
      type: int
      sample: 0
    warnings:
      description: How many findings warn.
      type: int
      sample: 2
    changes:
      description: How many things a run would create, change or copy.
      type: int
      sample: 0
    window:
      description: The freeze window, expected or measured, in words.
      type: str
      sample: about 15 s
    waiting_for_dns:
      description: The hostnames whose DNS does not point to Fly.
      type: list
      elements: str
      sample: [www.example.com]
    next:
      description: The next command.
      type: str
      sample: ansible-playbook flyover.heroku_to_fly.migrate -e migrate_cutover=true
  sample:
    - host: paper-crane
      heroku_app: paper-crane
      fly_app: paper-crane
      status: rehearsed
      blocks: 0
      warnings: 2
      changes: 0
lines:
  description: The text that is shown.
  returned: success
  type: list
  elements: str
  sample: ["rehearsed  paper-crane  next: ansible-playbook flyover.heroku_to_fly.migrate -e migrate_cutover=true"]
remedy:
  description: What to do about the failure. It also ends C(msg).
  returned: failure
  type: str
  sample: Give a path in a folder that this user may write to, on a disk that is not full.
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.overview import overview


def work(module: AnsibleModule) -> dict[str, Any]:
    result = overview(module.params["results"], module.params["dest"], module.check_mode)
    # Do not repeat everything that was read.
    return {**result, "invocation": {"module_args": {"dest": module.params["dest"]}}}


def main() -> None:
    module = AnsibleModule(
        argument_spec={"results": {"type": "dict", "required": True}, "dest": {"type": "path", "default": ""}},
        supports_check_mode=True,
    )
    run(module, work)


if __name__ == "__main__":
    main()
