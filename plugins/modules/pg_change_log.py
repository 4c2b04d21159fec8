#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pg_change_log
short_description: Have a database note which rows of its large tables are written
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Puts a trigger on each large table of the source, which notes the keys of the rows that are inserted, updated and
    deleted. It also removes these triggers. Only the owner's rights are needed.
  - With it M(flyover.heroku_to_fly.pg_transfer) updates a copy without scanning those tables, so that a freeze
    window does not grow with the database. It uses every log that it can trust, and scans the other tables.
  - It writes to the source, and every row that the app writes to those tables takes a little longer. So use it for
    databases whose scans take longer than the app may be down.
  - Everything is in the schema C(_flyover_log), except the triggers, which have that name.
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.common
  - flyover.heroku_to_fly.postgres
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state:
    description:
      - Whether the tables should be logged. V(absent) removes everything.
    type: str
    choices: [present, absent]
    default: present
  min_bytes:
    description:
      - Size from which a table is logged, without its indexes. Smaller ones take next to no time to scan. A table
        that is already logged stays logged.
    type: int
    default: 8388608
  wait_timeout:
    description:
      - Seconds to try to lock each table, which open transactions that wrote to it prevent. Each try takes up to a
        second, during which other writes to the table wait.
    type: int
    default: 30
notes:
  - Tables are set up one after the other, each in one transaction. If a run is killed in between, the next one
    continues.
  - If the key of a logged table changes, run the module again; otherwise writes to the table may fail.
seealso:
  - module: flyover.heroku_to_fly.pg_transfer
"""

EXAMPLES = r"""
- name: Have the large tables logged
  flyover.heroku_to_fly.pg_change_log:
    url: "{{ heroku_database_url }}"

- name: Copy the database, and compare it
  flyover.heroku_to_fly.pg_transfer:
    source: "{{ heroku_database_url }}"
    target: "{{ fly_database_url }}"
    mode: warm

- name: Remove the log when the move is over
  flyover.heroku_to_fly.pg_change_log:
    url: "{{ heroku_database_url }}"
    state: absent
"""

RETURN = r"""
tables:
  description: The tables that are logged now (in check mode, would be), C(name) and C(bytes) of each.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The table.
      type: str
      sample: public.orders
    bytes:
      description: Its size.
      type: int
      sample: 536870912
  sample: [{name: public.orders, bytes: 536870912}]
not_logged:
  description: The other tables, with the C(reason). C(pg_transfer) scans them.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The table.
      type: str
      sample: public.flags
    bytes:
      description: Its size.
      type: int
      sample: 8192
    reason:
      description: Why it is not logged.
      type: str
  sample: [{name: public.flags, bytes: 8192, reason: "smaller than 8388608 bytes: a scan of it takes no time"}]
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

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.masking import hide, invocation, keep_readable
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update.change_log import (
    PATIENCE,
    absent,
    present,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.url import parse


def work(module: AnsibleModule) -> dict[str, Any]:
    options = module.params
    hide(module, [options["url"]])
    address = parse(options["url"], "url").with_sslmode("url", None, "require")
    if options["state"] == "present":
        result = present(address, options["min_bytes"], options["wait_timeout"], module.check_mode)
    else:
        result = absent(address, options["wait_timeout"], module.check_mode)
    keep_readable(module, [str(result)])
    return {**result, "invocation": invocation(module, ["url"])}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True, "no_log": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "min_bytes": {"type": "int", "default": 8 << 20},
            "wait_timeout": {"type": "int", "default": int(PATIENCE)},
        },
        supports_check_mode=True,
    )
    run(module, work)


if __name__ == "__main__":
    main()
