#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_tools
short_description: Check that this machine has the programs and libraries that a migration needs
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Looks for flyctl, C(pg_dump), C(pg_restore) and the Python libraries of the other modules, all at once and before
    anything is created. RV(findings) name what is missing or has the wrong version, and block.
  - It uses the Python that the other modules use. Without tomlkit it fails, because the app's files cannot be read
    without it; the error names everything else that is missing, too.
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.common
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details:
      - This module changes nothing.
  idempotent:
    support: full
options:
  needs:
    description:
      - What to check for. V(source) reads the app's files, V(fly) builds, deploys and opens tunnels, V(postgres)
        and V(redis) copy data.
    type: list
    elements: str
    choices: [source, fly, postgres, redis]
    default: [source, fly, postgres, redis]
  flyctl:
    description:
      - Name or path of flyctl. By default the module looks for C(flyctl) and C(fly) on E(PATH).
    type: str
    default: ""
  pg_bin_dir:
    description:
      - Folder of C(pg_dump) and C(pg_restore). By default the module looks for them.
    type: str
    default: ""
  source_major:
    description:
      - Major version of the PostgreSQL server to copy from, V(0) if it is unknown.
    type: int
    default: 0
  target_major:
    description:
      - Major version of the PostgreSQL server to copy to, V(0) if it is unknown.
    type: int
    default: 0
seealso:
  - module: flyover.heroku_to_fly.pg_transfer
"""

EXAMPLES = r"""
- name: See what is missing on this machine
  flyover.heroku_to_fly.migration_tools:
    source_major: 16
    target_major: 17
  register: tools

- name: Stop if something is missing
  ansible.builtin.assert:
    that: tools.findings | length == 0
    fail_msg: "{{ tools.findings | map(attribute='remedy') | join(' ') }}"
"""

RETURN = r"""
check_mode:
  description: Whether the task runs in check mode, even if only the play or the task itself sets it.
  returned: success
  type: bool
  sample: false
python:
  description: The Python that the modules run with, and its version.
  returned: success
  type: str
  sample: /usr/bin/python3 (3.13.5)
flyctl:
  description: What flyctl says about its version; empty if it does not run or is not needed.
  returned: success
  type: str
  sample: flyctl v0.4.1
libraries:
  description: Versions of the Python libraries that are needed; empty for one that is missing.
  returned: success
  type: dict
  sample: {tomlkit: 0.13.2, psycopg2: 2.9.10, redis: ""}
postgres_clients:
  description: Folders that have C(pg_dump) and C(pg_restore), with their major version.
  returned: success
  type: list
  elements: dict
  contains:
    folder:
      description: The folder.
      type: str
      sample: /usr/lib/postgresql/17/bin
    major:
      description: Their major version.
      type: int
      sample: 17
  sample: [{folder: /usr/lib/postgresql/17/bin, major: 17}]
findings:
  description:
    - What is missing for each of O(needs), with C(id), C(level), C(urgency), C(text), C(remedy) and C(needed_for).
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: What it is about, which is stable. The collection's C(docs/findings.md) lists every id.
      type: str
      sample: tools-for-redis
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
    needed_for:
      description: The one of O(needs) that lacks it.
      type: str
      sample: redis
  sample:
    - id: tools-for-redis
      level: block
      urgency: before
      text: >-
        On the machine that runs the modules, with Python /usr/bin/python3 (3.13.5): the library redis is missing.
      remedy: Run /usr/bin/python3 -m pip install 'redis>=5.0'.
      needed_for: redis
missing:
  description: Everything that is missing, a text each.
  returned: failure
  type: list
  elements: str
  sample: [the library tomlkit is missing]
remedy:
  description: What to do about the failure. It also ends C(msg).
  returned: failure
  type: str
  sample: Run /usr/bin/python3 -m pip install 'tomlkit>=0.12'.
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.tools import KINDS, Wanted, look


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "needs": {"type": "list", "elements": "str", "choices": list(KINDS), "default": list(KINDS)},
            "flyctl": {"type": "str", "default": ""},
            "pg_bin_dir": {"type": "str", "default": ""},
            "source_major": {"type": "int", "default": 0},
            "target_major": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    run(module, lambda module: {**look(Wanted(**module.params)), "check_mode": module.check_mode})


if __name__ == "__main__":
    main()
