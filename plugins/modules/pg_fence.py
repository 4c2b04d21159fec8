#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pg_fence
short_description: Stop all writes to a database, reversibly
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Takes the privileges to write to tables, sequences, large objects and schemas from every role, the owner included,
    and gives them back. Reading goes on. Only the owner's rights are needed.
  - What was taken away is kept in the database itself, in the schema C(_flyover_fence), from the same transaction on.
  - After raising the fence, transactions that wrote before it are waited for, and ended when they take too long.
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.common
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  url:
    description:
      - URL of the database, as the role that owns its tables.
    type: str
    required: true
  state:
    description:
      - Whether the fence is to be up.
    type: str
    choices: [raised, lowered]
    required: true
  wait_timeout:
    description:
      - Seconds to wait for open transactions before their sessions are ended.
    type: int
    default: 10
requirements:
  - Python library psycopg2 2.9 or newer
seealso:
  - module: flyover.heroku_to_fly.pg_transfer
"""

EXAMPLES = r"""
- name: Stop writes for the time of the copy
  flyover.heroku_to_fly.pg_fence:
    url: "{{ heroku_database_url }}"
    state: raised
"""

RETURN = r"""
state:
  description: Whether the fence is up now (in check mode, would be).
  returned: success
  type: str
  sample: raised
objects:
  description: Number of objects whose privileges were taken away or given back.
  returned: success
  type: int
  sample: 83
sessions_ended:
  description: Number of sessions that were ended because their transactions did not end by themselves.
  returned: success
  type: int
  sample: 0
not_fenced:
  description: Objects of other owners, which this role can not fence.
  returned: success
  type: list
  elements: str
  sample: []
remedy:
  description: What to do about the failure. It also ends C(msg).
  returned: failure
  type: str
  sample: Correct what it names, then run again.
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.masking import hide, invocation, keep_readable
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.fence import lower_fence, raise_fence
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.url import parse


def work(module: AnsibleModule) -> dict[str, Any]:
    hide(module, [module.params["url"]])
    address = parse(module.params["url"], "url").with_sslmode("url", None, "require")
    if module.params["state"] == "raised":
        result = raise_fence(address, module.params["wait_timeout"], module.check_mode)
    else:
        result = lower_fence(address, module.check_mode)
    if result["not_fenced"]:
        module.warn(f"{len(result['not_fenced'])} objects belong to other roles and are not fenced.")
    keep_readable(module, [str(result)])
    return {**result, "invocation": invocation(module, ["url"])}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True, "no_log": True},
            "state": {"type": "str", "choices": ["raised", "lowered"], "required": True},
            "wait_timeout": {"type": "int", "default": 10},
        },
        supports_check_mode=True,
    )
    run(module, work)


if __name__ == "__main__":
    main()
