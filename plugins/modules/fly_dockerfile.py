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
  - Runs C(fly launch) in a copy of the app's source and takes from there the C(Dockerfile), and with it
    C(.dockerignore) and C(bin/docker-entrypoint), where the app has none. Nothing else that C(fly launch) does reaches
    the app or Fly.io. It creates no app, database or bucket, sets no secret, not even its random SECRET_KEY_BASE, and
    what it does to C(fly.toml), C(Gemfile) and other files is thrown away with the copy.
  - The C(Dockerfile) is flyctl's, for Rails that of the gem dockerfile-rails. Review it, and commit it with the app.
  - Where there is a C(Dockerfile), or C([build]) in C(fly.toml) says how the image is built, nothing is run. A file
    that is there already is never written over.
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.actiongroup_flyctl
  - flyover.heroku_to_fly.fly
  - flyover.heroku_to_fly.flyctl
attributes:
  check_mode:
    support: full
    details: Nothing is run, so what the files would hold is V(unknown).
  diff_mode:
    support: full
  idempotent:
    support: full
requirements:
  - for a Rails app its Ruby, with Bundler, on the host that runs the module
  - tomlkit, where O(source_dir) has a C(fly.toml)
options:
  source_dir:
    description:
      - Folder with the app's source.
    type: path
    required: true
  org:
    description:
      - Slug of an organization that the token may see. C(fly launch) does not run without one; nothing is made in it.
    type: str
    default: personal
  timeout:
    description:
      - Seconds that C(fly launch) may take. It installs the app's gems where they are missing.
    type: int
    default: 900
notes:
  - For a Rails app C(fly launch) adds the gem dockerfile-rails in the copy, installs the app's gems where Bundler
    installs them on this host, and starts the app in the environment C(development). So the app's code runs, as with
    C(fly launch) by hand, but without Fly's token and with little of the controller's environment.
  - The copy is made of the folder alone. C(.git) and C(node_modules) are left out, C(log), C(storage) and C(tmp) are
    empty there. A gem whose C(path) in the C(Gemfile) leads out of the folder is not found.
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
    - What became of the files that C(fly launch) generated. V(created), or V(kept) for one that the app has already and
      that is another.
    - In check mode V(unknown) for those that are missing. C(Dockerfile) would be generated; which of the others would,
      only C(fly launch) tells.
    - Empty where nothing is to be generated.
  returned: success
  type: dict
  sample: {Dockerfile: created, .dockerignore: kept, bin/docker-entrypoint: created}
discarded:
  description:
    - The other files that C(fly launch) wrote or changed in its copy. They were not taken. Look at them if the image
      lacks something.
  returned: success
  type: list
  elements: str
  sample: [Gemfile, Gemfile.lock, config/dockerfile.yml, fly.toml]
remedy:
  description: What to do about the failure. It also ends C(msg).
  returned: failure
  type: str
  sample: Create a token with 'fly tokens create org' and pass it as fly_api_token.
status:
  description: HTTP status of the answer that ended the task.
  returned: failure, when Fly refused a request
  type: int
  sample: 403
error_id:
  description: Fly's name of the error, where it has one.
  returned: failure, when Fly refused a request
  type: str
  sample: insufficient_permissions
request_id:
  description: Fly's id of the request, for its support; empty where Fly gave none.
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
