#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: heroku_run
short_description: Run a command in a one-off dyno
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Runs a command in a new dyno of a Heroku app, with the app's code, config vars and what its buildpacks export at run
    time, as C(heroku run) does. The dyno is gone afterwards; the app's other dynos go on as before.
  - Unlike C(heroku run), the task fails when the command does, and what the dyno prints beside the command's output is
    left out.
  - If the output is secret, give the task C(no_log=true). O(command) is not secret, for it stands in the app's log.
  - Heroku charges for the dyno as for any other.
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.actiongroup_heroku
  - flyover.heroku_to_fly.heroku
attributes:
  check_mode:
    support: full
    details: Nothing is run. The task counts as changed; what the command would print cannot be known.
  diff_mode:
    support: none
  idempotent:
    support: none
options:
  app:
    description:
      - Name or id of the Heroku app.
    type: str
    required: true
  command:
    description:
      - The command line, for the shell of the app's stack. It gets no input.
      - Write out what is to run. Names of process types, as C(console), stand for nothing here.
    type: str
    required: true
  size:
    description:
      - Size of the dyno, such as V(standard-1x). By default Heroku's default for the app.
    type: str
  timeout:
    description:
      - Seconds until the command must have ended, the start of the dyno included; at most 86400. The dyno is stopped
        then.
    type: int
    default: 120
notes:
  - Needs a token with the scope C(write), or the one that Heroku's answer asks for.
  - Beside Heroku's API, port 5000 of C(rendezvous.runtime.heroku.com) must be reachable; no HTTP proxy is used for it.
    Its certificate is verified as that of the API is, unless O(validate_certs=false); the environment variable
    E(SSL_CERT_FILE) names other CA certificates.
  - Apps of the Fir generation and of shielded spaces have no such server.
seealso:
  - module: flyover.heroku_to_fly.fly_exec
  - module: flyover.heroku_to_fly.heroku_config
"""

EXAMPLES = r"""
- name: Read what only the running app knows
  flyover.heroku_to_fly.heroku_run:
    app: paper-crane
    command: printf %s "$SECRET_KEY_BASE"
  register: secret_key_base
  no_log: true

- name: See which migrations are pending
  flyover.heroku_to_fly.heroku_run:
    app: paper-crane
    command: bin/rails db:migrate:status
    timeout: 300
  changed_when: false
"""

RETURN = r"""
dyno:
  description: Name of the dyno.
  returned: success, except in check mode
  type: str
  sample: run.4552
rc:
  description: The command's exit code.
  returned: success, except in check mode; also when the command failed
  type: int
  sample: 0
stdout:
  description: What the command printed, errors included.
  returned: success, except in check mode; also when the command failed
  type: str
  sample: up
remedy:
  description: What to do about the failure. It also ends C(msg).
  returned: failure
  type: str
  sample: Create a token with 'heroku authorizations:create -s read-protected,write -S'.
status:
  description: HTTP status of the answer that ended the task.
  returned: failure, when Heroku refused a request
  type: int
  sample: 403
request_id:
  description: Heroku's id of the request, for its support; empty where Heroku gave none.
  returned: failure, when Heroku refused a request
  type: str
  sample: 0b2a7a3c-6f0e-4c5a-9b7e-2f1d2c3b4a59
error_id:
  description: Heroku's name of the error.
  returned: failure, when Heroku refused a request
  type: str
  sample: forbidden
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.arguments import (
    heroku_api,
    heroku_arguments,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.one_off import run_command, tls_context


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **heroku_arguments(),
            "app": {"type": "str", "required": True},
            "command": {"type": "str", "required": True},
            "size": {"type": "str"},
            "timeout": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    options = module.params
    run(
        module,
        lambda module: run_command(
            heroku_api(module.params),
            options["app"],
            options["command"],
            options["size"],
            options["timeout"],
            tls_context(options["validate_certs"]),
            module.check_mode,
        ),
    )


if __name__ == "__main__":
    main()
