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
    time, as C(heroku run) does. Afterwards the dyno is gone; the app's other dynos are not affected.
  - Unlike C(heroku run), the task fails if the command does, and only the command's own output is returned.
  - If the output is secret, set C(no_log) on the task. O(command) cannot be kept secret, because it is in the app's
    log.
  - Heroku charges for the dyno like for any other.
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.actiongroup_heroku
  - flyover.heroku_to_fly.heroku
  - flyover.heroku_to_fly.heroku.app
attributes:
  check_mode:
    support: full
    details: Nothing is run. The task counts as changed; what the command would print cannot be known.
  diff_mode:
    support: none
  idempotent:
    support: none
options:
  command:
    description:
      - The command line, for the shell of the app's stack. It gets no input.
      - Give the full command. Names of process types, such as C(console), are not expanded.
    type: str
    required: true
  size:
    description:
      - Size of the dyno, such as V(standard-1x). By default, Heroku's default for the app.
    type: str
  timeout:
    description:
      - Seconds that the command may take, including the start of the dyno; at most 86400. After that the dyno is
        stopped.
    type: int
    default: 120
notes:
  - Needs a token with the scope C(write), or the scope that Heroku's error message names.
  - Besides Heroku's API, port 5000 of C(rendezvous.runtime.heroku.com) must be reachable; no HTTP proxy is used for it.
    Its certificate is verified like that of the API, unless O(validate_certs=false); the environment variable
    E(SSL_CERT_FILE) names other CA certificates.
  - Apps on the Fir generation and in Shield Private Spaces have no such server.
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
  description: What the command printed, including errors.
  returned: success, except in check mode; also when the command failed
  type: str
  sample: up
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
