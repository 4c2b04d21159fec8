#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fly_postgres
short_description: Make sure that a Managed Postgres cluster exists
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Finds a cluster of Fly's Managed Postgres by organization and name, or creates it, and waits until it is ready.
  - A cluster costs money as soon as it exists. It is never deleted, and its plan, region and disk are never changed.
  - The cluster can only be reached from the organization's private network; see M(flyover.heroku_to_fly.fly_proxy).
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.actiongroup_fly
  - flyover.heroku_to_fly.fly
  - flyover.heroku_to_fly.fly.org
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  name:
    description:
      - Name of the cluster.
    type: str
    required: true
  region:
    description:
      - Region of a new cluster, such as V(iad). An existing cluster keeps its region.
    type: str
  plan:
    description:
      - Plan of a new cluster.
    type: str
    choices: [basic, starter, launch, scale, performance]
    default: basic
  disk_gb:
    description:
      - Disk size of a new cluster in GB, from 10 to 500. An existing cluster with a smaller disk is refused.
    type: int
    default: 10
  pg_major:
    description:
      - PostgreSQL major version of a new cluster. It must not be older than that of the database to copy into it.
    type: int
    choices: [16, 17]
    default: 17
  attach_to:
    description:
      - Name of the app to attach the cluster to. Fly only records this; no secret is set.
    type: str
  extensions:
    description:
      - Extensions to enable in the cluster's database, in addition to those that it has.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - Name of the extension.
        type: str
        required: true
      schema:
        description:
          - Schema for it, which is created if it is missing. By default V(public).
        type: str
      optional:
        description:
          - Whether to continue without it if Managed Postgres does not offer it.
        type: bool
        default: false
  wait_timeout:
    description:
      - Seconds to wait until the cluster is ready.
    type: int
    default: 900
  return_url:
    description:
      - Whether to return RV(url), RV(direct_url) and RV(direct), which contain a password. Set C(no_log) on the task.
    type: bool
    default: false
seealso:
  - module: flyover.heroku_to_fly.fly_proxy
  - module: flyover.heroku_to_fly.pg_transfer
"""

EXAMPLES = r"""
- name: Create the database
  flyover.heroku_to_fly.fly_postgres:
    name: paper-crane-db
    org: personal
    region: iad
    plan: starter
    attach_to: paper-crane
"""

RETURN = r"""
created:
  description: Whether the cluster was created (in check mode, would be).
  returned: success
  type: bool
  sample: false
id:
  description: Id of the cluster; empty in check mode if it does not exist.
  returned: success
  type: str
  sample: abc123def4567
status:
  description: Its status; where Fly refused a request and the task failed, the HTTP status of the answer.
  returned: success, and failure when Fly refused a request
  type: raw
  sample: ready
region:
  description: Its region.
  returned: success
  type: str
  sample: iad
plan:
  description: Its plan.
  returned: success
  type: str
  sample: basic
extensions_enabled:
  description: The extensions that were enabled (in check mode, would be).
  returned: when the cluster exists
  type: list
  elements: str
  sample: [citext]
url:
  description: The URL that an attached app gets, through the connection pooler; empty if the cluster is not ready yet.
  returned: with O(return_url=true)
  type: str
  sample: "postgresql://fly-user:...@pgbouncer.abc123def4567.flympg.net/fly-db"
direct_url:
  description: The same without the pooler, for an app that needs its own sessions; empty like RV(url).
  returned: with O(return_url=true)
  type: str
  sample: "postgresql://fly-user:...@direct.abc123def4567.flympg.net/fly-db"
direct:
  description: Address of the database itself.
  returned: with O(return_url=true)
  type: dict
  contains:
    host:
      description: Address on Fly's private network.
      type: str
      sample: "fdaa:0:1::2"
    port:
      description: Port.
      type: int
      sample: 5432
    user:
      description: Role that owns the database.
      type: str
      sample: fly-user
    password:
      description: Its password.
      type: str
    dbname:
      description: Name of the database.
      type: str
      sample: fly-db
  sample: {host: "fdaa:0:1::2", port: 5432, user: fly-user, dbname: fly-db}
remedy:
  description: What to do about the failure. It also ends C(msg).
  returned: failure
  type: str
  sample: Create a token with 'fly tokens create org' and pass it as fly_api_token.
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

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.arguments import fly_api, fly_arguments
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.postgres import (
    MAJORS,
    PLANS,
    Wanted,
    ensure_cluster,
)


def work(module: AnsibleModule) -> dict[str, Any]:
    options = module.params
    wanted = Wanted(
        **{name: options[name] for name in ("name", "org", "region", "plan", "disk_gb", "pg_major", "attach_to")},
        extensions=options["extensions"],
    )
    return ensure_cluster(
        fly_api(module.params), wanted, options["wait_timeout"], options["return_url"], module.check_mode, module.warn
    )


def main() -> None:
    extension = {
        "name": {"type": "str", "required": True},
        "schema": {"type": "str"},
        "optional": {"type": "bool", "default": False},
    }
    module = AnsibleModule(
        argument_spec={
            **fly_arguments(),
            "name": {"type": "str", "required": True},
            "org": {"type": "str", "default": "personal"},
            "region": {"type": "str"},
            "plan": {"type": "str", "choices": list(PLANS), "default": "basic"},
            "disk_gb": {"type": "int", "default": 10},
            "pg_major": {"type": "int", "choices": list(MAJORS), "default": 17},
            "attach_to": {"type": "str"},
            "extensions": {"type": "list", "elements": "dict", "default": [], "options": extension},
            "wait_timeout": {"type": "int", "default": 900},
            "return_url": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    run(module, work)


if __name__ == "__main__":
    main()
