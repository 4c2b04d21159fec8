#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: heroku_app_info
short_description: Take stock of a Heroku app, and find out what stands in the way of moving it
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Reads an app's formation, process types, add-ons, databases, config vars (names, never values), domains and newest
    release in about a dozen requests, however many add-ons it has.
  - Derives findings from them, each with a remedy.
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.actiongroup_heroku
  - flyover.heroku_to_fly.heroku
  - flyover.heroku_to_fly.heroku.app
attributes:
  check_mode:
    support: full
    details:
      - This module changes nothing.
  diff_mode:
    support: N/A
    details:
      - This module changes nothing.
  idempotent:
    support: full
requirements:
  - tomlkit, if O(source_dir) has a C(fly.toml)
options:
  acknowledged:
    description:
      - Ids of findings that are known and accepted; their level becomes V(info).
    type: list
    elements: str
    default: []
  scheduler_jobs:
    description:
      - The jobs of Heroku Scheduler, in any form, because no API lists them. An empty list says that there are none.
      - Without this option, an app that has the add-on gets a blocking finding.
    type: list
    elements: raw
  secret_key_base_given:
    description:
      - Whether SECRET_KEY_BASE is given in another way than in the app's config vars.
    type: bool
    default: false
  source_dir:
    description:
      - Folder of the app's source, if its image is to be built from there. Findings then say whether that is possible.
    type: path
  build:
    description:
      - How the image is built if O(source_dir) has neither a C(Dockerfile) nor C([build]) in C(fly.toml).
      - V(launch) stands for M(flyover.heroku_to_fly.fly_dockerfile).
    type: str
    choices: [buildpacks, launch, none]
    default: buildpacks
  postgres_plan:
    description:
      - Plan of the Managed Postgres cluster for the app's database. Its connection limit is compared with the number of
        connections that the app can open.
    type: str
  private_postgres:
    description:
      - Whether the new database is the user's own, on Fly's private network.
    type: bool
    default: false
seealso:
  - module: flyover.heroku_to_fly.fly_dockerfile
  - module: flyover.heroku_to_fly.heroku_config
"""

EXAMPLES = r"""
- name: Take stock
  flyover.heroku_to_fly.heroku_app_info:
    app: paper-crane
    scheduler_jobs: []
  register: heroku

- name: Stop if anything stands in the way
  ansible.builtin.assert:
    that: heroku.findings | selectattr('level', 'equalto', 'block') | length == 0
"""

RETURN = r"""
app:
  description: The app itself.
  returned: success
  type: dict
  contains:
    name:
      description: Its name.
      type: str
    id:
      description: Its id, which does not change when the app is renamed.
      type: str
    region:
      description: Name of its region, V(us), V(eu) or that of a Private Space.
      type: str
    stack:
      description: Name of its stack.
      type: str
    generation:
      description: V(cedar) or V(fir).
      type: str
    maintenance:
      description: Whether it is in maintenance mode.
      type: bool
    buildpacks:
      description: Names or URLs of its buildpacks in order, without credentials.
      type: list
      elements: str
    web_url:
      description: Its address on Heroku.
      type: str
    space:
      description: Name of its Private Space, or empty.
      type: str
  sample:
    name: paper-crane
    id: 01234567-89ab-cdef-0123-456789abcdef
    region: us
    stack: heroku-24
    generation: cedar
    maintenance: false
    buildpacks: [heroku/ruby]
    web_url: https://paper-crane-0123456789ab.herokuapp.com/
    space: ""
formation:
  description: Process types with C(type), C(quantity), C(size) and C(command).
  returned: success
  type: list
  elements: dict
  contains:
    type:
      description: The process type.
      type: str
      sample: web
    quantity:
      description: The number of dynos.
      type: int
      sample: 2
    size:
      description: The dyno type.
      type: str
      sample: Standard-1X
    command:
      description: What it runs.
      type: str
      sample: bundle exec puma
  sample: [{type: web, quantity: 2, size: Standard-1X, command: bundle exec puma}]
process_types:
  description: The Procfile of the newest release, process type to command.
  returned: success
  type: dict
  sample: {web: bundle exec puma, worker: bundle exec sidekiq}
slug_commit:
  description: The commit that the newest release was built from, or empty.
  returned: success
  type: str
  sample: 0a1b2c3d4e5f60718293a4b5c6d7e8f901234567
addons:
  description: Add-ons with C(name), C(service), C(plan), C(state), C(config_vars) and the C(app) they are billed to.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
      sample: postgresql-cubed-12345
    service:
      description: The service.
      type: str
      sample: heroku-postgresql
    plan:
      description: The plan.
      type: str
      sample: heroku-postgresql:essential-0
    state:
      description: Its state.
      type: str
      sample: provisioned
    config_vars:
      description: Names of the config vars that it sets.
      type: list
      elements: str
      sample: [DATABASE_URL]
    app:
      description: The app that it is billed to.
      type: str
      sample: paper-crane
  sample:
    - name: postgresql-cubed-12345
      service: heroku-postgresql
      plan: heroku-postgresql:essential-0
      state: provisioned
      config_vars: [DATABASE_URL]
      app: paper-crane
services:
  description: Postgres and Redis add-ons that Fly.io can replace; of each kind, the one that is moved comes first.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: V(postgres) or V(redis).
      type: str
    addon:
      description: Name of the add-on.
      type: str
    plan:
      description: Its plan.
      type: str
    names:
      description: Config vars that it owns.
      type: list
      elements: str
    primary:
      description: The one of them to connect with.
      type: str
    shared_from:
      description: The other app that the add-on belongs to, or empty.
      type: str
  sample:
    - kind: postgres
      addon: postgresql-cubed-12345
      plan: heroku-postgresql:essential-0
      names: [DATABASE_URL]
      primary: DATABASE_URL
      shared_from: ""
config_names:
  description:
    - Config vars with C(class), C(reason) and C(addon), as M(flyover.heroku_to_fly.heroku_config) returns them.
  returned: success
  type: dict
  sample: {RAILS_ENV: {class: transfer, reason: "The app's own: copied unchanged.", addon: ""}}
domains:
  description: Domains with C(hostname), C(kind) (V(custom) or V(heroku)), C(cname) and C(status).
  returned: success
  type: list
  elements: dict
  contains:
    hostname:
      description: The hostname.
      type: str
      sample: www.example.com
    kind:
      description: V(custom) or V(heroku).
      type: str
      sample: custom
    cname:
      description: The DNS target, empty for one of Heroku's own.
      type: str
      sample: quiet-otter-123.herokudns.com
    status:
      description: How far Heroku is with it.
      type: str
      sample: succeeded
  sample:
    - {hostname: www.example.com, kind: custom, cname: quiet-otter-123.herokudns.com, status: succeeded}
release_version:
  description: Version of the newest release, V(0) if there is none.
  returned: success
  type: int
  sample: 42
builder:
  description: Heroku's Cloud Native Buildpacks builder for the app's stack, or empty if there is none.
  returned: success
  type: str
  sample: heroku/builder:24
findings:
  description: What stands in the way or is good to know, the most serious first.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Id of the kind of finding.
      type: str
    level:
      description: V(block), V(warn) or V(info).
      type: str
    urgency:
      description: V(before) the cut-over, on the V(day), or V(after).
      type: str
    text:
      description: What was found.
      type: str
    remedy:
      description: What to do about it.
      type: str
  sample:
    - id: autoscaler
      level: warn
      urgency: before
      text: "Heroku app paper-crane: judoscale-flat-1 (judoscale) can start dynos again in the freeze window."
      remedy: Turn it off before the cut-over.
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

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly_toml.file import image_source
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.arguments import (
    heroku_api,
    heroku_arguments,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.check import Facts
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.findings import check_ids, findings
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.inventory import read
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._source.build import BUILDERS


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **heroku_arguments(),
            "app": {"type": "str", "required": True},
            "acknowledged": {"type": "list", "elements": "str", "default": []},
            "scheduler_jobs": {"type": "list", "elements": "raw"},
            "secret_key_base_given": {"type": "bool", "default": False, "no_log": False},
            "source_dir": {"type": "path"},
            "build": {"type": "str", "choices": ["buildpacks", "launch", "none"], "default": "buildpacks"},
            "postgres_plan": {"type": "str"},
            "private_postgres": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    run(module, work)


def work(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    check_ids(params["acknowledged"])
    inventory = read(heroku_api(module.params), params["app"])
    facts = Facts(
        inventory,
        params["scheduler_jobs"],
        params["secret_key_base_given"],
        image_source(Path(params["source_dir"])) if params["source_dir"] else None,
        params["build"],
        params["postgres_plan"] or "",
        params["private_postgres"],
    )
    found = findings(facts, params["acknowledged"])
    builder = BUILDERS.get(inventory.stack, "")
    return {"changed": False, **inventory.as_result(), "builder": builder, "findings": found}


if __name__ == "__main__":
    main()
