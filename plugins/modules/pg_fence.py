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
  - Takes the privileges to write to tables, sequences, large objects, schemas and the database from every role, the
    owner included. New sessions begin read-only, and existing sessions that this role may end are ended, even those
    that only read. New sessions can read. Only the owner's rights are needed.
  - The former state is kept in the database itself, in the schema C(_flyover_fence), written in the same transaction.
    Lowering the fence restores it.
  - The module waits for transactions of other roles that wrote before the fence.
  - An owner can still give itself its rights back. That leaves a trace, which RV(drift_since_raised) names.
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.common
  - flyover.heroku_to_fly.postgres
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
      - V(raised) and V(lowered) say whether the fence should be up.
      - V(noted) only keeps O(record), and V(gathered) only reads.
    type: str
    choices: [noted, raised, lowered, gathered]
    required: true
  record:
    description:
      - What Heroku ran before it was frozen, for O(state=noted), so that every controller can find it. It must hold no
        secret. An earlier record is kept; V(lowered) removes it.
    type: dict
  wait_timeout:
    description:
      - Seconds to wait for sessions to end, and for open transactions of other roles.
    type: int
    default: 10
seealso:
  - module: flyover.heroku_to_fly.pg_transfer
"""

EXAMPLES = r"""
- name: Stop writes for the time of the copy
  flyover.heroku_to_fly.pg_fence:
    url: "{{ heroku_database_url }}"
    state: raised

- name: Look whether anything changed although it was up
  flyover.heroku_to_fly.pg_fence:
    url: "{{ heroku_database_url }}"
    state: gathered
  register: fence
  failed_when: fence.drift_since_raised | length > 0
"""

RETURN = r"""
state:
  description: The state that was asked for (in check mode, as it would be).
  returned: success
  type: str
  sample: raised
raised:
  description: Whether the fence is up and every session that could write has ended.
  returned: success
  type: bool
  sample: true
record:
  description: The O(record) of this run or an earlier one; null if there is none.
  returned: success
  type: dict
  sample: {formation: {web: 2, worker: 1}, maintenance: false, release_version: 42, opened_at: "2026-11-26T18:00:00Z"}
drift_since_raised:
  description:
    - What changed since O(state=raised) was last asked for, a line for each kind of object. The catalogs, the sequences
      and the list of large objects are compared; no row and no large object can be written without a change in one of
      these.
    - Empty if nothing changed, and if the fence is not up.
  returned: O(state=gathered)
  type: list
  elements: str
  sample: ["large objects: 4711; 12 before, 13 now"]
objects:
  description: Number of objects whose privileges were taken away or given back.
  returned: success
  type: int
  sample: 83
sessions_ended:
  description: Number of sessions that were ended.
  returned: success
  type: int
  sample: 3
read_only:
  description:
    - Whose new sessions begin read-only, V(role) for those of the URL's role, V(database) for everyone's. The latter
      needs the database's owner.
  returned: success
  type: list
  elements: str
  sample: [database, role]
not_fenced:
  description: Objects of other owners, which this role cannot fence.
  returned: success
  type: list
  elements: str
  sample: []
sqlstate:
  description: PostgreSQL's code for the error.
  returned: failure, when a server refused a statement
  type: str
  sample: "55P03"
reason:
  description: V(authentication) if the server refused the user or password.
  returned: failure, when it did
  type: str
  sample: authentication
remedy:
  description: What to do about the failure. It also ends C(msg).
  returned: failure
  type: str
  sample: Correct what it names, then run again.
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.masking import hide, whole_result
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.fence.fence import (
    gather,
    lower_fence,
    note,
    raise_fence,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.url import parse


def work(module: AnsibleModule) -> dict[str, Any]:
    options = module.params
    hide(module, [options["url"]])
    address = parse(options["url"], "url").with_sslmode("url", None, "require")
    if options["state"] == "gathered":
        result = gather(address)
    elif options["state"] == "noted":
        result = note(address, options["record"], module.check_mode)
    elif options["state"] == "raised":
        result = raise_fence(address, options["wait_timeout"], module.check_mode)
    else:
        result = lower_fence(address, module.check_mode)
    if result["not_fenced"]:
        module.warn(f"{len(result['not_fenced'])} objects belong to other roles and are not fenced.")
    if options["state"] == "raised" and "role" not in result["read_only"]:
        module.warn("The server did not let new sessions begin read-only: only privileges keep the app from writing.")
    return whole_result(module, result, ["url"])


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True, "no_log": True},
            "state": {"type": "str", "choices": ["noted", "raised", "lowered", "gathered"], "required": True},
            "record": {"type": "dict"},
            "wait_timeout": {"type": "int", "default": 10},
        },
        required_if=[("state", "noted", ["record"])],
        supports_check_mode=True,
    )
    run(module, work)


if __name__ == "__main__":
    main()
