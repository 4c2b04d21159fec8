#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fly_secrets
short_description: Set and unset the secrets of a Fly app
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Sets and unsets secrets in one request, byte for byte. No Machine is restarted; the next deploy gives the secrets
    to the Machines, and RV(statuses) shows which are deployed.
  - Fly never returns the values of secrets, only a digest that nobody else can compute. With a O(ledger), this module
    knows what it wrote itself. What it cannot know is V(unknown) in RV(names).
  - Outside check mode, unknown secrets are written again in the same request; the digests before and after then show
    whether they changed.
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.actiongroup_fly
  - flyover.heroku_to_fly.fly
  - flyover.heroku_to_fly.fly.app
attributes:
  check_mode:
    support: full
    details: Secrets whose state cannot be determined are reported as V(unknown), and the task as changed.
  diff_mode:
    support: full
    details: Shows names and digests, never values.
  idempotent:
    support: partial
    details: Only with a O(ledger). Without one, secrets are written again on every run.
options:
  secrets:
    description:
      - Secrets by name. Values must be strings; null unsets a secret. The empty string is a value.
    type: dict
    default: {}
  state:
    description:
      - V(present) sets O(secrets) and leaves every other secret alone.
      - V(absent) unsets the secrets in O(names).
      - V(exact) sets O(secrets) and unsets every other secret that is not in O(keep).
    type: str
    choices: [present, absent, exact]
    default: present
  names:
    description:
      - Names of the secrets to unset with O(state=absent).
    type: list
    elements: str
    default: []
  keep:
    description:
      - Names or globs, such as V(SENTRY_*), of secrets that O(state=exact) leaves alone.
    type: list
    elements: str
    default: []
  remove_attached:
    description:
      - Whether O(state=exact) may unset secrets that attaching a Fly service sets (E(DATABASE_URL), E(REDIS_URL), and
        those of Tigris object storage).
    type: bool
    default: false
  undetermined:
    description:
      - Names of secrets whose values are not known yet, such as, in check mode, the URL of a database that would be
        created. They are not written. They are reported as V(set) if the secret does not exist yet, otherwise as
        V(unknown).
    type: list
    elements: str
    default: []
  ledger:
    description:
      - Path of the migration's ledger, which keeps a keyed fingerprint of each secret along with Fly's digest.
    type: path
  verify:
    description:
      - V(machine) compares unknown secrets with the environment of a started Machine, over HTTPS. This helps if the
        ledger was lost.
    type: str
    choices: [none, machine]
    default: none
seealso:
  - module: flyover.heroku_to_fly.heroku_config
  - module: flyover.heroku_to_fly.migration_ledger
  - module: flyover.heroku_to_fly.fly_deploy
"""

EXAMPLES = r"""
- name: Set two secrets and unset one
  flyover.heroku_to_fly.fly_secrets:
    app: paper-crane
    secrets:
      SMTP_PASSWORD: "{{ smtp_password }}"
      PEM: "{{ lookup('ansible.builtin.file', 'key.pem', rstrip=false) }}"
      OLD_TOKEN: null
    ledger: .flyover/paper-crane.json
  no_log: true
"""

RETURN = r"""
names:
  description: For each secret, whether it was V(set), V(unset) or V(unchanged), or whether this is V(unknown).
  returned: success
  type: dict
  sample: {PEM: set, OLD_TOKEN: unset, SMTP_PASSWORD: unchanged}
statuses:
  description: The status of each of the app's secrets, as in M(flyover.heroku_to_fly.fly_app_info).
  returned: success
  type: dict
  sample: {PEM: Staged, SMTP_PASSWORD: Deployed}
version:
  description: Version of the app's secrets after this write; null if nothing was written.
  returned: success
  type: int
  sample: 7
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

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.ledger import Ledger
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.masking import invocation, keep_readable
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.arguments import fly_api, fly_arguments
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.secrets import Wanted, checked, ensure_secrets


def work(module: AnsibleModule) -> dict[str, Any]:
    options = module.params
    values = checked(options["secrets"])
    if options["state"] == "absent":
        values = dict.fromkeys([*values, *checked(dict.fromkeys(options["names"]))])
    wanted = Wanted(
        values,
        exact=options["state"] == "exact",
        keep=options["keep"],
        remove_attached=options["remove_attached"],
        undetermined=options["undetermined"],
    )
    ledger = Ledger(options["ledger"]) if options["ledger"] else None
    result = ensure_secrets(fly_api(options), options["app"], wanted, ledger, options["verify"], module.check_mode)
    # Everything in the result is public: names, digests and words. A short value must not mask parts of them.
    keep_readable(module, [str(result)])
    return {**result, "invocation": invocation(module, ["secrets", "fly_api_token"])}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **fly_arguments(),
            "app": {"type": "str", "required": True},
            "secrets": {"type": "dict", "no_log": True, "default": {}},
            "state": {"type": "str", "choices": ["present", "absent", "exact"], "default": "present"},
            "names": {"type": "list", "elements": "str", "default": []},
            "keep": {"type": "list", "elements": "str", "default": []},
            "remove_attached": {"type": "bool", "default": False},
            "undetermined": {"type": "list", "elements": "str", "default": []},
            "ledger": {"type": "path"},
            "verify": {"type": "str", "choices": ["none", "machine"], "default": "none"},
        },
        supports_check_mode=True,
    )
    run(module, work)


if __name__ == "__main__":
    main()
