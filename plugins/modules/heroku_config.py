#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: heroku_config
short_description: Read and classify a Heroku app's config vars, or set and unset them
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Reads an app's config vars and decides who owns each one, by add-on attachment and then by value, never by its name
    alone. No value is returned unless O(return_values=true).
  - Sets and unsets config vars in one request, which makes one release and restarts the app's dynos once. If nothing
    differs, nothing is sent.
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
    details:
      - By name only; values are never shown.
  idempotent:
    support: full
options:
  state:
    description:
      - V(gathered) reads and classifies, and writes nothing.
      - V(present) sets the config vars in O(vars) and leaves all others alone.
      - V(absent) unsets those in O(names).
    type: str
    choices: [gathered, present, absent]
    default: gathered
  vars:
    description:
      - Config vars to set with O(state=present). Values must be strings; the empty string is a value.
      - A name that belongs to an add-on is refused before anything is sent.
    type: dict
  names:
    description:
      - With O(state=gathered), read only these; each must exist.
      - With O(state=absent), unset these.
    type: list
    elements: str
  include:
    description:
      - With O(state=gathered), names or globs of config vars to transfer unchanged even if they otherwise would not be.
      - A full name beats a glob; between two of a kind, O(exclude) beats O(include).
    type: list
    elements: str
    default: []
  exclude:
    description:
      - With O(state=gathered), names or globs of config vars to leave behind.
    type: list
    elements: str
    default: []
  replacements:
    description:
      - With O(state=gathered), the name of each Postgres or Redis add-on with the URL of the service on Fly.io that
        replaces it. Its primary config var and every alias of it get this URL in RV(transfer).
    type: dict
  expected_release:
    description:
      - Version of the app's newest release when the plan was made. If it has changed, someone changed the app, and the
        module fails before anything is written.
    type: int
  return_values:
    description:
      - Whether to return RV(config_vars) and RV(transfer) in plain text. Set C(no_log) on the task.
    type: bool
    default: false
seealso:
  - module: flyover.heroku_to_fly.fly_secrets
  - module: flyover.heroku_to_fly.heroku_app_info
"""

EXAMPLES = r"""
- name: See who owns each config var
  flyover.heroku_to_fly.heroku_config:
    app: paper-crane
  register: config

- name: Get the values to write on Fly.io
  flyover.heroku_to_fly.heroku_config:
    app: paper-crane
    replacements:
      postgresql-flat-1: "{{ new_database_url }}"
    exclude: ["JUDOSCALE_*"]
    expected_release: "{{ inventory.release_version }}"
    return_values: true
  register: config
  no_log: true

- name: Set two config vars in one release
  flyover.heroku_to_fly.heroku_config:
    app: paper-crane
    state: present
    vars:
      CANONICAL_HOST: www.example.com
      RAILS_MAX_THREADS: "5"

- name: Unset one
  flyover.heroku_to_fly.heroku_config:
    app: paper-crane
    state: absent
    names: [LD_PRELOAD]
"""

RETURN = r"""
names:
  description:
    - For each config var, its C(class), the C(reason) for it, and the C(addon) that it belongs to or points to, or
      empty. Values are not shown.
    - The class is V(transfer) for the app's own, copied unchanged; V(service) for one of a Postgres or Redis add-on
      that a Fly.io service replaces; V(alias) for one of the app's own whose value is the URL of such an add-on;
      V(addon) for one of another add-on, copied unchanged; V(platform) for one of Heroku itself, left behind;
      V(excluded) for one that is left behind because of O(exclude).
  returned: O(state=gathered)
  type: dict
  sample:
    DATABASE_URL:
      class: service
      reason: "Belongs to the postgres add-on postgresql-flat-1: gets the URL of the new service on Fly.io."
      addon: postgresql-flat-1
config_vars:
  description:
    - Values on Heroku, without those of class V(excluded).
  returned: O(state=gathered) and O(return_values=true)
  type: dict
  sample: {CANONICAL_HOST: www.example.com, DATABASE_URL: "postgres://u:p@ec2-1.compute-1.amazonaws.com:5432/d"}
transfer:
  description: Values to write on Fly.io, without those that stay behind or are not known yet.
  returned: O(state=gathered) and O(return_values=true)
  type: dict
  sample: {CANONICAL_HOST: www.example.com, DATABASE_URL: "postgres://fly-user:p@direct.abc.flympg.net:5432/fly-db"}
undetermined:
  description: Names that will get the URL of a service that is not in O(replacements).
  returned: O(state=gathered)
  type: list
  elements: str
  sample: [DATABASE_URL]
unmatched_patterns:
  description: Patterns in O(include) and O(exclude) that match no config var.
  returned: O(state=gathered)
  type: list
  elements: str
  sample: []
changes:
  description: Whether each name was (in check mode, would be) V(set), V(changed), V(unset) or V(unchanged).
  returned: O(state=present) or O(state=absent)
  type: dict
  sample: {CANONICAL_HOST: changed}
release_version:
  description: Version of the app's newest release, V(0) if there is none.
  returned: success
  type: int
  sample: 42
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

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.masking import whole_result
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.arguments import (
    heroku_api,
    heroku_arguments,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.config import ensure, gather

SECRET_OPTIONS = ("heroku_api_key", "vars", "replacements")


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **heroku_arguments(),
            "app": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["gathered", "present", "absent"], "default": "gathered"},
            "vars": {"type": "dict", "no_log": True},
            "names": {"type": "list", "elements": "str"},
            "include": {"type": "list", "elements": "str", "default": []},
            "exclude": {"type": "list", "elements": "str", "default": []},
            "replacements": {"type": "dict", "no_log": True},
            "expected_release": {"type": "int"},
            "return_values": {"type": "bool", "default": False},
        },
        required_if=[("state", "present", ("vars",)), ("state", "absent", ("names",))],
        supports_check_mode=True,
    )
    run(module, work)


def work(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    heroku, app, expected = heroku_api(module.params), params["app"], params["expected_release"]
    if params["state"] == "gathered":
        chosen = {name: params[name] for name in ("names", "include", "exclude", "replacements", "return_values")}
        result = gather(heroku, app, expected_release=expected, **chosen)
    else:
        present = params["state"] == "present"
        values, unset = (params["vars"], []) if present else ({}, params["names"])
        result = ensure(heroku, app, values, unset, expected, module.check_mode)
    for text in result.pop("warnings"):
        module.warn(text)
    requested = [*result.get("config_vars", {}).values(), *result.get("transfer", {}).values()]
    return whole_result(module, result, SECRET_OPTIONS, requested)


if __name__ == "__main__":
    main()
