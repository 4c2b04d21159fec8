#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fly_dockerfile
short_description: Let fly launch generate a Dockerfile for an app that has none
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Runs C(fly launch) in a copy of the app's source and takes the C(Dockerfile) from there, and also C(.dockerignore)
    and C(bin/docker-entrypoint) if the app has none. Nothing else that C(fly launch) does affects the app or Fly.io.
    It creates no app, database or bucket and sets no secret, not even its random SECRET_KEY_BASE. Its changes to
    C(fly.toml), C(Gemfile) and other files are discarded with the copy.
  - The C(Dockerfile) is flyctl's; for Rails, it comes from the gem dockerfile-rails. Review it, and commit it with the
    app.
  - Nothing is run if there is a C(Dockerfile), or if C([build]) in C(fly.toml) says how to build the image. Existing
    files are never overwritten.
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.actiongroup_flyctl
  - flyover.heroku_to_fly.fly
  - flyover.heroku_to_fly.flyctl
attributes:
  check_mode:
    support: full
    details: Nothing is run, so the content of the files is V(unknown).
  diff_mode:
    support: full
  idempotent:
    support: full
requirements:
  - for a Rails app, its Ruby and Bundler on the host that runs the module
  - tomlkit, if O(source_dir) has a C(fly.toml)
options:
  source_dir:
    description:
      - Folder with the app's source.
    type: path
    required: true
  org:
    description:
      - Slug of an organization that the token may see. C(fly launch) needs one, but creates nothing in it.
    type: str
    default: personal
  timeout:
    description:
      - Seconds that C(fly launch) may take. It installs the app's gems if they are missing.
    type: int
    default: 900
notes:
  - For a Rails app, C(fly launch) adds the gem dockerfile-rails to the copy, installs the app's gems where Bundler
    installs them on this host, and starts the app in the environment C(development). So the app's code runs, as when
    you run C(fly launch) yourself, but without Fly's token and with little of the controller's environment.
  - Only the folder itself is copied, without C(.git) and C(node_modules); C(log), C(storage) and C(tmp) are empty in
    the copy. A gem whose C(path) in the C(Gemfile) points outside the folder is not found.
seealso:
  - module: flyover.heroku_to_fly.fly_toml_processes
  - module: flyover.heroku_to_fly.fly_deploy
"""

EXAMPLES = r"""
- name: Generate a Dockerfile
  flyover.heroku_to_fly.fly_dockerfile:
    source_dir: /srv/paper-crane
"""

RETURN = r"""
files:
  description:
    - What happened to the files that C(fly launch) generated. V(created), or V(kept) for one that the app already has
      with different content.
    - In check mode, V(unknown) for those that are missing. C(Dockerfile) would be generated; for the others, only
      C(fly launch) knows.
    - Empty if nothing has to be generated.
  returned: success
  type: dict
  sample: {Dockerfile: created, .dockerignore: kept, bin/docker-entrypoint: created}
discarded:
  description:
    - The other files that C(fly launch) wrote or changed in its copy, which were not used. Check them if the image
      lacks something.
  returned: success
  type: list
  elements: str
  sample: [Gemfile, Gemfile.lock, config/dockerfile.yml, fly.toml]
rc:
  description: The exit code of C(flyctl).
  returned: failure, when C(flyctl) failed
  type: int
  sample: 1
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
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.arguments import fly_arguments
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.flyctl import flyctl_arguments
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.launch import ensure_dockerfile


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **fly_arguments(),
            **flyctl_arguments(),
            "source_dir": {"type": "path", "required": True},
            "org": {"type": "str", "default": "personal"},
            "timeout": {"type": "int", "default": 900},
        },
        supports_check_mode=True,
    )
    run(module, lambda module: ensure_dockerfile(module.params, module.check_mode, module.tmpdir, module.warn))


if __name__ == "__main__":
    main()
