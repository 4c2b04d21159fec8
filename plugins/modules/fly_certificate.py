#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fly_certificate
short_description: Request certificates for hostnames, and list the DNS records to create
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Requests a certificate for each of an app's hostnames that has none yet.
  - Lists the DNS records to create. The C(CNAME) record for C(_acme-challenge) lets Fly issue a certificate while the
    traffic still goes elsewhere; the others move the traffic.
  - DNS itself is not changed, and Fly is not asked to check it, because failed checks count against a limit.
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.actiongroup_fly
  - flyover.heroku_to_fly.fly
  - flyover.heroku_to_fly.fly.app
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  hostnames:
    description:
      - Hostnames in lower case; V(*.example.com) for a wildcard.
    type: list
    elements: str
    required: true
  state:
    description:
      - Whether the certificates should exist.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: Request certificates
  flyover.heroku_to_fly.fly_certificate:
    app: paper-crane
    hostnames: [www.example.com, example.com]
  register: certificates
"""

RETURN = r"""
hostnames:
  description:
    - For each hostname, the C(status) of its certificate (V(absent) if there is none), whether DNS is C(configured),
      and C(dns_records) with C(type), C(name), C(value) and C(purpose); also C(errors) if Fly reports any.
  returned: success
  type: dict
  sample:
    www.example.com:
      status: pending_validation
      configured: false
      dns_records:
        - type: CNAME
          name: _acme-challenge.www.example.com
          value: www.example.com.abc123.flydns.net
          purpose: certificate, before the move
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
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.arguments import fly_api, fly_arguments
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.certificate import ensure_certificates


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **fly_arguments(),
            "app": {"type": "str", "required": True},
            "hostnames": {"type": "list", "elements": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )
    options = module.params
    run(
        module,
        lambda module: ensure_certificates(
            fly_api(module.params),
            options["app"],
            options["hostnames"],
            options["state"] == "present",
            module.check_mode,
        ),
    )


if __name__ == "__main__":
    main()
