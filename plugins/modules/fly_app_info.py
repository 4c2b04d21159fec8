#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fly_app_info
short_description: Take stock of a Fly app
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Reads what Fly has for an app, in a fixed number of requests. Values of secrets are not read, because Fly never
    returns them.
  - An app that does not exist is not a failure; see RV(exists).
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.actiongroup_fly
  - flyover.heroku_to_fly.fly
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  name:
    description:
      - Name of the app.
    type: str
    required: true
seealso:
  - module: flyover.heroku_to_fly.heroku_app_info
"""

EXAMPLES = r"""
- name: See what runs on Fly
  flyover.heroku_to_fly.fly_app_info:
    name: paper-crane
  register: fly

- name: Name the secrets that no Machine has yet
  ansible.builtin.debug:
    msg: "{{ fly.secrets | dict2items | rejectattr('value.status', 'eq', 'Deployed') | map(attribute='key') }}"
"""

RETURN = r"""
exists:
  description: Whether the app exists.
  returned: success
  type: bool
  sample: true
app:
  description: The app; only its name if it does not exist.
  returned: success
  type: dict
  contains:
    name:
      description: Its name.
      type: str
      sample: paper-crane
    id:
      description: Its id.
      type: str
      sample: abc123
    org:
      description: Slug of its organization.
      type: str
      sample: personal
    status:
      description: Its status as Fly names it.
      type: str
      sample: deployed
    hostname:
      description: Its name on the internet.
      type: str
      sample: paper-crane.fly.dev
  sample: {name: paper-crane, id: abc123, org: personal, status: deployed, hostname: paper-crane.fly.dev}
machines:
  description: The Machines by process group, without standby Machines and those of release commands.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The Machine's id.
      type: str
      sample: 148e123
    group:
      description: Its process group.
      type: str
      sample: web
    state:
      description: Its state as Fly names it, such as V(started) or V(stopped).
      type: str
      sample: started
    region:
      description: Where it runs.
      type: str
      sample: iad
    healthy:
      description: Whether all of its checks pass.
      type: bool
      sample: true
    image:
      description: The image that it runs.
      type: str
      sample: "registry.fly.io/paper-crane:flyover-0123456789abcdef"
    release_version:
      description: The release that it was made by.
      type: str
      sample: "3"
    guest:
      description: Its size.
      type: dict
      contains:
        cpu_kind:
          description: V(shared) or V(performance).
          type: str
          sample: shared
        cpus:
          description: Number of CPUs.
          type: int
          sample: 1
        memory_mb:
          description: Memory in MB.
          type: int
          sample: 512
      sample: {cpu_kind: shared, cpus: 1, memory_mb: 512}
  sample:
    - id: 148e123
      group: web
      state: started
      region: iad
      healthy: true
      image: "registry.fly.io/paper-crane:flyover-0123456789abcdef"
      release_version: "3"
      guest: {cpu_kind: shared, cpus: 1, memory_mb: 512}
groups:
  description: For each process group, how many Machines it has, how many are started, and how many pass all checks.
  returned: success
  type: dict
  sample: {web: {count: 2, started: 2, healthy: 2}}
release:
  description: The newest completed release; empty before the first.
  returned: success
  type: dict
  contains:
    version:
      description: Its number.
      type: int
      sample: 3
    status:
      description: Its status as Fly names it.
      type: str
      sample: complete
    image_ref:
      description: The image that it deployed.
      type: str
      sample: "registry.fly.io/paper-crane:flyover-0123456789abcdef"
    created_at:
      description: When it was created.
      type: str
      sample: "2026-11-23T12:00:00Z"
  sample:
    version: 3
    status: complete
    image_ref: "registry.fly.io/paper-crane:flyover-0123456789abcdef"
    created_at: "2026-11-23T12:00:00Z"
secrets:
  description:
    - For each secret, its digest, when it was last written, and its status as Fly's own client computes it.
      V(Deployed) means that every Machine has it, V(Partial) that some do, V(Staged) that none does, V(Unknown) that
      Fly does not say.
  returned: success
  type: dict
  sample: {SECRET_KEY_BASE: {digest: 522d6815e668a102, status: Deployed, updated_at: "2026-11-23T10:00:00Z"}}
certificates:
  description: For each hostname, the status of its certificate, and whether its DNS points to the app.
  returned: success
  type: dict
  sample: {www.example.com: {status: pending_validation, configured: false}}
ips:
  description: The app's addresses.
  returned: success
  type: list
  elements: dict
  contains:
    ip:
      description: The address.
      type: str
      sample: 66.241.124.1
    kind:
      description: V(shared_v4), V(v4), V(v6) or V(private_v6).
      type: str
      sample: shared_v4
  sample: [{ip: 66.241.124.1, kind: shared_v4}]
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

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.app_info import take_stock
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.arguments import fly_api, fly_arguments


def main() -> None:
    module = AnsibleModule(
        argument_spec={**fly_arguments(), "name": {"type": "str", "required": True}},
        supports_check_mode=True,
    )
    run(module, lambda module: {"changed": False, **take_stock(fly_api(module.params), module.params["name"])})


if __name__ == "__main__":
    main()
