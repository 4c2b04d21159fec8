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
  - Copies keys of every type with their expiry from one Redis or Valkey server to another (C(SCAN), C(DUMP),
    C(RESTORE), pipelined), then compares both, key by key, by content.
  - Only what differs is written, so a second run writes nothing, and a run that was killed is finished by the next.
  - A target that was filled by this module becomes the source's mirror again on the next run; keys that are only
    there are deleted. A sealed target is never written to.
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
      - URL of the source, C(redis://) or C(rediss://). Certificates are not verified, for Heroku's are self-signed.
      - Required with O(state=present).
    type: str
  target:
    description:
      - URL of the target. It may be left out in check mode.
    type: str
  state:
    description:
      - V(present) makes the target a copy of the source.
      - V(sealed) says that the target is the system of record from now on, so that no later run writes over it.
    type: str
    choices: [present, sealed]
    default: present
  match:
    description:
      - Glob of the keys to copy.
    type: str
    default: "*"
  replace:
    description:
      - Whether keys of the target that hold something else may be overwritten although this module did not write them.
    type: bool
    default: false
  replace_sealed:
    description:
      - Whether even a sealed target may be overwritten.
    type: bool
    default: false
  source_may_change:
    description:
      - Whether the source is in use. Keys that differ in the end are then a warning, not a failure.
    type: bool
    default: false
requirements:
  - Python library redis
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
    - V(copied), V(unchanged), in check mode V(would_copy), or V(unknown) without a target.
  returned: success
  type: str
  sample: copied
sealed:
  description: Whether the target is sealed.
  returned: success
  type: bool
  sample: false
counts:
  description: Number of keys on the C(source), of those C(copied), and of those C(deleted) on the target.
  returned: success
  type: dict
  sample: {source: 120, copied: 120, deleted: 0}
verified:
  description: Number of keys C(compared) after the copy, and of those C(differing).
  returned: when something was copied
  type: dict
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
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.masking import invocation, keep_readable
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.server import parse
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.transfer import (
    UNKNOWN,
    Wanted,
    seal,
    survey,
    transfer,
)


def work(module: AnsibleModule) -> dict[str, Any]:
    options = module.params
    source = parse(options["source"], "source") if options["source"] else None
    target = parse(options["target"], "target") if options["target"] else None
    if target is None and not module.check_mode:
        raise InputError("target", "it is missing", "Give the target's URL; only check mode can do without.")
    if options["state"] == "sealed" and target is not None:
        result = seal(target, module.check_mode)
    elif source is not None and target is not None:
        wanted = Wanted(**{name: options[name] for name in ("match", "replace", "replace_sealed", "source_may_change")})
        result = transfer(source, target, wanted, module.check_mode)
    elif source is not None and options["state"] == "present":
        result = survey(source, options["match"])
    else:
        result = {"changed": True, "verdict": UNKNOWN, "sealed": False, "counts": {}, "warnings": []}
    for warning in result.pop("warnings"):
        module.warn(warning)
    keep_readable(module, [str(result)])
    return {**result, "invocation": invocation(module, ["source", "target"])}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "str", "no_log": True},
            "target": {"type": "str", "no_log": True},
            "state": {"type": "str", "choices": ["present", "sealed"], "default": "present"},
            "match": {"type": "str", "default": "*"},
            "replace": {"type": "bool", "default": False},
            "replace_sealed": {"type": "bool", "default": False},
            "source_may_change": {"type": "bool", "default": False},
        },
        required_if=[("state", "present", ["source"])],
        supports_check_mode=True,
    )
    run(module, work)


if __name__ == "__main__":
    main()
