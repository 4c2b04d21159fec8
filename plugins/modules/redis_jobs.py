#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_jobs
short_description: Count the jobs in a Redis, and wait until workers have done them
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Finds the jobs of Sidekiq and Resque, with or without a namespace, in all databases of a server. Nothing is written.
  - With O(state=drained) it waits until no job is in a queue and no worker runs one. It does not wait for jobs that
    are scheduled or will be retried later.
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.common
attributes:
  check_mode:
    support: full
    details: It does not wait.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  url:
    description:
      - URL of the server, C(redis://) or C(rediss://). Certificates are not verified, because Heroku's are self-signed.
    type: str
    required: true
  state:
    description:
      - V(gathered) looks once, V(drained) waits.
    type: str
    choices: [gathered, drained]
    default: gathered
  timeout:
    description:
      - How many seconds to wait. Jobs that are left then are not an error; see RV(drained).
    type: int
    default: 300
seealso:
  - module: flyover.heroku_to_fly.redis_transfer
"""

EXAMPLES = r"""
- name: Let the workers finish
  flyover.heroku_to_fly.redis_jobs:
    url: "{{ heroku_redis_url }}"
    state: drained
    timeout: 600
"""

RETURN = r"""
drained:
  description: Whether no job is waiting or in progress.
  returned: success
  type: bool
  sample: true
jobs:
  description: Number of jobs.
  returned: success
  type: dict
  contains:
    waiting:
      description: Jobs that wait, by queue.
      type: dict
      sample: {default: 0}
    scheduled:
      description: Jobs that run at a later time.
      type: int
      sample: 2
    retrying:
      description: Jobs that failed and run again later.
      type: int
      sample: 1
    dead:
      description: Jobs that failed for the last time.
      type: int
      sample: 0
    private:
      description: Jobs in private queues of workers.
      type: int
      sample: 0
    processes:
      description: Number of workers that are alive.
      type: int
      sample: 1
    in_progress:
      description: Jobs that run, by class.
      type: dict
      sample: {}
  sample: {waiting: {default: 0}, scheduled: 2, retrying: 1, dead: 0, private: 0, processes: 1, in_progress: {}}
seconds:
  description: How long it waited.
  returned: success
  type: float
  sample: 31.5
findings:
  description: What the user should know, as C(id), C(level), C(text) and C(remedy).
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: What it is about, which is stable. The collection's C(docs/findings.md) lists every id.
      type: str
      sample: redis-jobs
    level:
      description: V(block), V(warn) or V(info).
      type: str
      sample: warn
    text:
      description: What was found.
      type: str
    remedy:
      description: What to do about it.
      type: str
  sample: []
remedy:
  description: What to do about the failure. It also ends C(msg).
  returned: failure
  type: str
  sample: Correct what it names, then run again.
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.masking import whole_result
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.drain import drain, look
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.server import parse


def work(module: AnsibleModule) -> dict[str, Any]:
    source = parse(module.params["url"], "url")
    waits = module.params["state"] == "drained" and not module.check_mode
    result = drain(source, module.params["timeout"]) if waits else look(source)
    return whole_result(module, result, ["url"])


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True, "no_log": True},
            "state": {"type": "str", "choices": ["gathered", "drained"], "default": "gathered"},
            "timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    run(module, work)


if __name__ == "__main__":
    main()
