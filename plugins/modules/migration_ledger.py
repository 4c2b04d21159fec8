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
      - Path of the ledger. It is created, with its folder, when there is something to keep.
    type: path
    required: true
  record:
    description:
      - Sections to merge into the ledger.
    type: dict
    default: {}
  once:
    description:
      - Sections to add only where the ledger has none of that name. A second run does not overwrite them.
    type: dict
    default: {}
  forget:
    description:
      - Names of sections to drop.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Save what Heroku runs, before it is changed for the first time
  flyover.heroku_to_fly.migration_ledger:
    path: .flyover/paper-crane--paper-crane.json
    once:
      freeze:
        formation: {web: 2, worker: 1}
"""

RETURN = r"""
ledger:
  description: The ledger's sections (in check mode, as they would be).
  returned: success
  type: dict
  sample: {freeze: {formation: {web: 2, worker: 1}}}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.ledger import keep
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "record": {"type": "dict", "default": {}},
            "once": {"type": "dict", "default": {}},
            "forget": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    options = module.params
    run(
        module,
        lambda module: keep(options["path"], options["record"], options["once"], options["forget"], module.check_mode),
    )


if __name__ == "__main__":
    main()
