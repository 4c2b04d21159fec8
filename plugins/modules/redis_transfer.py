#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_transfer
short_description: Copy and verify the keys of a Redis
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Copies keys of every type with their expiry from one Redis or Valkey server to another, in large groups, then
    compares both, key by key, by content. If a server allows scripts, it computes the digests itself.
  - Only what differs is written, so a second run writes nothing, and the next run finishes one that was killed.
  - The target keeps a record of the keys that were copied (20 bytes for each, in keys that begin with C(_flyover:)).
    Only these are overwritten, or deleted if the source no longer has them. All other keys are counted and left
    alone.
  - All databases of the source are copied, to the same numbers, unless its URL names one other than 0.
  - One transfer at a time writes to a target. A sealed target is never written to.
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.common
attributes:
  check_mode:
    support: full
    details: Without a O(target) nothing can be compared; RV(verdict) is then V(unknown).
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  source:
    description:
      - URL of the source, C(redis://) or C(rediss://). Certificates are not verified, because Heroku's are self-signed.
      - Required with O(state=present) and O(state=caught_up).
    type: str
  target:
    description:
      - URL of the target. It may be left out in check mode.
    type: str
  state:
    description:
      - V(present) makes the target hold what the source holds.
      - V(sealed) says that from now on the target is the system of record, so that no later run overwrites it.
      - V(caught_up) inspects the O(source) once more after the target was sealed, for anything written there since.
        New keys are copied, and so is what was added to lists, queues and new sorted sets; nothing on the target is
        overwritten. What cannot be copied safely is a finding.
    type: str
    choices: [present, sealed, caught_up]
    default: present
  name:
    description:
      - Name of this copy. A target that several apps share keeps the record and the seal of each by its name.
    type: str
    default: default
  match:
    description:
      - Globs of the keys to copy, in Redis' syntax.
    type: list
    elements: str
    default: ["*"]
  exclude:
    description:
      - Globs of the keys not to copy.
    type: list
    elements: str
    default: []
  jobs_only:
    description:
      - Whether to copy only what Sidekiq and Resque need to run their jobs (queues, schedule, retry, dead, and what
        their extensions store about them), with or without a namespace, and none of the other keys that match.
    type: bool
    default: false
  replace:
    description:
      - Whether keys of the target that this module did not copy may be overwritten, and deleted where the source does
        not have them. Never set it for a Redis that anyone else uses.
    type: bool
    default: false
  replace_sealed:
    description:
      - Whether even a sealed target may be overwritten.
    type: bool
    default: false
  source_may_change:
    description:
      - Whether the source is in use. If so, keys that differ in the end are a finding and not a failure.
    type: bool
    default: false
  acknowledged:
    description:
      - Ids of findings that do not block, such as V(redis-databases).
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Copy the keys
  flyover.heroku_to_fly.redis_transfer:
    source: "{{ heroku_redis_url }}"
    target: "{{ fly_redis_url }}"
"""

RETURN = r"""
verdict:
  description:
    - V(copied), V(caught_up) or V(unchanged); in check mode V(would_copy), or V(unknown) without a target.
  returned: success
  type: str
  sample: copied
sealed:
  description: Whether the target is sealed.
  returned: success
  type: bool
  sample: false
counts:
  description: Number of keys.
  returned: success
  type: dict
  contains:
    source:
      description: Keys on the source.
      returned: unless the target was sealed before
      type: int
      sample: 120
    copied:
      description: Keys that were copied, or would be.
      returned: unless the target was sealed before
      type: int
      sample: 120
    deleted:
      description: Keys that were deleted on the target, or would be.
      returned: unless the target was sealed before
      type: int
      sample: 0
    foreign:
      description: Keys on the target that were not copied from this source.
      returned: unless the target was sealed before
      type: int
      sample: 1000
    target:
      description: Keys on the target.
      returned: when the target was sealed before
      type: int
      sample: 120
    late:
      description: Keys that changed on the source after the copy.
      returned: with O(state=caught_up)
      type: int
      sample: 2
    brought:
      description: Of these, keys that were copied.
      returned: with O(state=caught_up)
      type: int
      sample: 2
    left:
      description: Of these, keys that were not copied.
      returned: with O(state=caught_up)
      type: int
      sample: 0
  sample: {source: 120, copied: 120, deleted: 0, foreign: 1000}
foreign:
  description: Keys on the target that were not copied from this source; V(keys) is their number.
  returned: when both servers were looked at
  type: dict
  contains:
    prefixes:
      description: How many there are of each prefix.
      type: dict
      sample: {"shop:": 1000}
  sample: {keys: 1000, prefixes: {"shop:": 1000}}
jobs:
  description: Number of jobs of Sidekiq and Resque on the source.
  returned: when the source was looked at
  type: dict
  contains:
    waiting:
      description: Jobs that wait, by queue.
      type: dict
      sample: {default: 3}
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
      sample: {Hard: 1}
  sample: {waiting: {default: 3}, scheduled: 2, retrying: 1, dead: 0, private: 0, processes: 1, in_progress: {Hard: 1}}
prefixes:
  description: Prefixes of the source's keys, and how many there are of each.
  returned: without O(target)
  type: dict
  sample: {"queue:": 3, "cache:": 100}
findings:
  description: What the user should know, as C(id), C(level) (V(block), V(warn) or V(info)), C(text) and C(remedy).
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
verified:
  description: What was verified.
  returned: when something was copied
  type: dict
  contains:
    compared:
      description: Number of keys that were compared after the copy.
      type: int
      sample: 120
    differing:
      description: Number of those that differ.
      type: int
      sample: 0
  sample: {compared: 120, differing: 0}
seconds:
  description: How long it took.
  returned: when something was copied
  type: float
  sample: 0.8
remedy:
  description: What to do about the failure. It also ends C(msg).
  returned: failure
  type: str
  sample: Correct what it names, then run again.
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.masking import whole_result
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.server import parse
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.transfer import (
    Wanted,
    catch_up,
    seal,
    survey,
    transfer,
    unknown,
)


def work(module: AnsibleModule) -> dict[str, Any]:
    options = module.params
    source = parse(options["source"], "source") if options["source"] else None
    target = parse(options["target"], "target") if options["target"] else None
    if target is None and not module.check_mode:
        raise InputError("target", "it is missing", "Give the target's URL; only check mode can do without.")
    wanted = Wanted(**{name: options[name] for name in Wanted.__dataclass_fields__})
    if options["state"] == "sealed":
        result = seal(target, wanted.name, module.check_mode) if target else unknown()
    elif options["state"] == "caught_up":
        result = catch_up(source, target, wanted, module.check_mode) if source and target else unknown()
    elif target is not None:
        result = transfer(source, target, wanted, module.check_mode) if source else unknown()
    else:
        result = survey(source, wanted) if source else unknown()
    return whole_result(module, result, ["source", "target"])


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "str", "no_log": True},
            "target": {"type": "str", "no_log": True},
            "state": {"type": "str", "choices": ["present", "sealed", "caught_up"], "default": "present"},
            "name": {"type": "str", "default": "default"},
            "match": {"type": "list", "elements": "str", "default": ["*"]},
            "exclude": {"type": "list", "elements": "str", "default": []},
            "jobs_only": {"type": "bool", "default": False},
            "replace": {"type": "bool", "default": False},
            "replace_sealed": {"type": "bool", "default": False},
            "source_may_change": {"type": "bool", "default": False},
            "acknowledged": {"type": "list", "elements": "str", "default": []},
        },
        required_if=[("state", "present", ["source"]), ("state", "caught_up", ["source"])],
        supports_check_mode=True,
    )
    run(module, work)


if __name__ == "__main__":
    main()
