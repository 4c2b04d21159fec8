#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_ledger
short_description: Keep the ledger of a migration
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Reads and writes a small JSON file that remembers what a migration must not forget, such as the formation that a
    Heroku app had before it was frozen.
  - The file is replaced as a whole under a lock, has mode 0600, and holds no secret value. It is also where
    M(flyover.heroku_to_fly.fly_secrets) keeps its fingerprints, which this module neither shows nor changes.
  - A lease next to it makes sure that one run at a time works on a migration. While a run has the lease, no other can
    change the ledger.
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.common
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  path:
    description:
      - Path of the ledger. The module creates it, with its folder, when there is something to keep.
    type: path
    required: true
  record:
    description:
      - Sections to merge into the ledger.
    type: dict
    default: {}
  once:
    description:
      - Sections to add if the ledger has none of that name. A second run does not overwrite them.
    type: dict
    default: {}
  forget:
    description:
      - Names of sections to drop.
    type: list
    elements: str
    default: []
  lease:
    description:
      - With V(acquire) the run takes the lease of this ledger, or keeps it. If another run has it, the task fails and
        changes nothing. With V(release) the run returns its own lease after writing the ledger.
      - A run is one C(ansible-playbook) process, for one host of its inventory. Each of its tasks with this module
        renews its lease, and so do long tasks with M(flyover.heroku_to_fly.pg_transfer),
        M(flyover.heroku_to_fly.redis_transfer) and M(flyover.heroku_to_fly.fly_deploy) on the controller.
      - The lease of a run that has ended is free. On the same machine, the process shows whether it has ended; a run
        on another machine counts as ended if it has not renewed its lease for an hour.
      - In check mode nothing is acquired or released, and a lease that another run has is not a failure; see RV(lease).
    type: str
    choices: [acquire, release]
  take_over:
    description:
      - Whether to take the lease of a run on another machine. Use it only if you know that this run is dead.
      - A run that is alive on this machine keeps its lease even so.
    type: bool
    default: false
  run:
    description:
      - Who the run is. The module's action plugin sets it; leave it out.
    type: dict
"""

EXAMPLES = r"""
- name: Save what Heroku runs, before it is changed for the first time
  flyover.heroku_to_fly.migration_ledger:
    path: .flyover/paper-crane--paper-crane.json
    once:
      freeze:
        formation: {web: 2, worker: 1}

- name: Work on it alone
  flyover.heroku_to_fly.migration_ledger:
    path: .flyover/paper-crane--paper-crane.json
    lease: acquire
"""

RETURN = r"""
ledger:
  description: The ledger's sections (in check mode, as they would be).
  returned: success
  type: dict
  sample: {freeze: {formation: {web: 2, worker: 1}}}
lease:
  description:
    - The run that has the lease now, null if none has it. Also returned by the failure that it causes.
    - RV(lease.command) is the command line without what may be secret, such as the values of extra variables.
  returned: success
  type: dict
  contains:
    host:
      description: Name of the machine on which the run is.
      type: str
    user:
      description: Name of the user who started it.
      type: str
    pid:
      description: Process id of C(ansible-playbook).
      type: int
    started:
      description: When it acquired the lease.
      type: str
    command:
      description: Its command line.
      type: str
    renewed:
      description: When it last renewed the lease.
      type: str
  sample:
    host: deploy-1
    user: ana
    pid: 4711
    started: "2026-11-26T18:00:00Z"
    command: ansible-playbook flyover.heroku_to_fly.migrate -e …
    renewed: "2026-11-26T18:04:10Z"
remedy:
  description: What to do about the failure. It also ends C(msg).
  returned: failure
  type: str
  sample: Correct what it names, then run again.
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.ledger import visit
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "record": {"type": "dict", "default": {}},
            "once": {"type": "dict", "default": {}},
            "forget": {"type": "list", "elements": "str", "default": []},
            "lease": {"type": "str", "choices": ["acquire", "release"]},
            "take_over": {"type": "bool", "default": False},
            "run": {"type": "dict"},
        },
        supports_check_mode=True,
    )
    options = module.params
    run(
        module,
        lambda module: visit(
            options["path"], options, options["lease"], options["take_over"], module.check_mode, options["run"]
        ),
    )


if __name__ == "__main__":
    main()
