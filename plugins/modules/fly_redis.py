#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fly_redis
short_description: Make sure that an Upstash Redis exists on Fly
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Finds an Upstash Redis by its name, or creates it. It is never deleted.
  - An existing Redis is changed to the given O(plan) and O(eviction). Its region cannot be changed; a different
    O(region) is refused.
  - It can only be reached from the organization's private network; see M(flyover.heroku_to_fly.fly_proxy).
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
      - Name of the Redis.
    type: str
    required: true
  region:
    description:
      - Primary region, such as V(iad). A new Redis needs one.
    type: str
  plan:
    description:
      - Plan, by id or name. By default, a new Redis is pay as you go, and an existing one keeps its plan. For Sidekiq,
        which polls constantly, Fly recommends a fixed plan.
    type: str
  eviction:
    description:
      - Whether the Redis may evict keys when it is full. Turn it off for job queues. By default, it is off for a new
        Redis and not changed for an existing one.
    type: bool
  return_url:
    description:
      - Whether to return RV(url), which contains a password. Set C(no_log) on the task.
    type: bool
    default: false
seealso:
  - module: flyover.heroku_to_fly.redis_transfer
"""

EXAMPLES = r"""
- name: Create the Redis
  flyover.heroku_to_fly.fly_redis:
    name: paper-crane-redis
    region: iad
"""

RETURN = r"""
created:
  description: Whether it was created (in check mode, would be).
  returned: success
  type: bool
  sample: false
name:
  description: Its name.
  returned: success
  type: str
  sample: paper-crane-redis
region:
  description: Its primary region.
  returned: success
  type: str
  sample: iad
plan:
  description: Its plan.
  returned: success
  type: str
  sample: Pay-as-you-go
eviction:
  description: Whether it may evict keys when it is full.
  returned: success
  type: bool
  sample: false
url:
  description: Its URL; empty in check mode if it does not exist.
  returned: with O(return_url=true)
  type: str
  sample: "redis://default:...@fly-paper-crane-redis.upstash.io:6379"
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

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.arguments import fly_api, fly_arguments
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.redis import Wanted, ensure_redis


def work(module: AnsibleModule) -> dict[str, Any]:
    wanted = Wanted(**{name: module.params[name] for name in ("name", "org", "region", "plan", "eviction")})
    return ensure_redis(fly_api(module.params), wanted, module.params["return_url"], module.check_mode, module.warn)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **fly_arguments(),
            "name": {"type": "str", "required": True},
            "org": {"type": "str", "default": "personal"},
            "region": {"type": "str"},
            "plan": {"type": "str"},
            "eviction": {"type": "bool"},
            "return_url": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    run(module, work)


if __name__ == "__main__":
    main()
