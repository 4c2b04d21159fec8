#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fly_deploy
short_description: Build and deploy a Fly app when something differs
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Builds an image from a source folder and deploys it through C(flyctl), but only if the image, the configuration or
    the secrets differ from those of the current release. Then sets the number of Machines in each process group.
  - The image's tag is a digest of the source folder and C(fly.toml), so the current release shows what it was built
    from.
  - If the module runs on the controller without C(become), it prints a line for each step that C(flyctl) takes, also
    in a polled C(async) task, but not with C(no_log). Output of a build or the app itself is not printed. On any host,
    O(progress_file) gives other programs the same steps.
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.actiongroup_flyctl
  - flyover.heroku_to_fly.fly
  - flyover.heroku_to_fly.fly.app
  - flyover.heroku_to_fly.flyctl
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  source_dir:
    description:
      - Folder with the app's source, and with its C(Dockerfile) unless a builder in C(fly.toml) makes the image. Files
        that C(.dockerignore) excludes do not count.
    type: path
    required: true
  config:
    description:
      - Path of the app's C(fly.toml). By default the one in O(source_dir).
      - In check mode it may be missing, for example if an earlier task would write it; the image is then V(unknown).
    type: path
  image:
    description:
      - An existing image to deploy instead of building one.
    type: str
  build_only:
    description:
      - Whether to only build and push the image, so that a later deploy is fast.
    type: bool
    default: false
  scale_only:
    description:
      - Whether to only set the number of Machines in each group, without deploying.
    type: bool
    default: false
  groups:
    description:
      - Number of Machines for each process group. A group with V(0) is left out of a first deploy. Groups that are not
        listed get Fly's default on a deploy, and are not scaled.
    type: dict
    default: {}
  strategy:
    description:
      - Strategy of the deploy. By default the one in C(fly.toml).
    type: str
    choices: [rolling, canary, immediate, bluegreen]
  wait_timeout:
    description:
      - Seconds that flyctl waits for a Machine to become healthy.
    type: int
    default: 300
  progress_file:
    description:
      - File to write each step to as it is taken, as JSON with C(started_at) and C(updated_at) (seconds since 1970) and
        C(steps) (a list of strings).
    type: path
seealso:
  - module: flyover.heroku_to_fly.fly_secrets
  - module: flyover.heroku_to_fly.fly_toml_processes
"""

EXAMPLES = r"""
- name: Deploy only the web processes
  flyover.heroku_to_fly.fly_deploy:
    app: paper-crane
    source_dir: /srv/paper-crane
    groups: {web: 2, worker: 0}
"""

RETURN = r"""
reasons:
  description: Why it was deployed or scaled (in check mode, would be); empty if nothing differs.
  returned: success
  type: list
  elements: str
  sample: ["the current release has another source or configuration"]
image_ref:
  description: The image.
  returned: unless O(scale_only=true)
  type: str
  sample: "registry.fly.io/paper-crane:flyover-0123456789abcdef"
release:
  description: The current release.
  returned: unless O(build_only=true) or O(scale_only=true)
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
  sample: {version: 3, status: complete, image_ref: "registry.fly.io/paper-crane:flyover-0123456789abcdef"}
groups:
  description: For each process group, the number of Machines before and after.
  returned: unless O(build_only=true)
  type: dict
  sample: {web: {before: 1, after: 2}}
machines:
  description: Ids of the Machines that did not become healthy.
  returned: failure, when Machines were started but did not pass their checks in time
  type: list
  elements: str
  sample: [148e123]
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

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.progress import Steps
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.arguments import fly_api, fly_arguments
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.deploy import (
    Wanted,
    build,
    counts,
    deploy,
    scale,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.flyctl import flyctl_arguments, flyctl_of


def work(module: AnsibleModule) -> dict[str, Any]:
    options = module.params
    source = Path(options["source_dir"])
    wanted = Wanted(
        app=options["app"],
        source=source,
        config=Path(options["config"]) if options["config"] else source / "fly.toml",
        image=options["image"],
        groups=counts(options["groups"]),
        strategy=options["strategy"],
        wait_timeout=options["wait_timeout"],
    )
    act = build if options["build_only"] else scale if options["scale_only"] else deploy
    flyctl = flyctl_of(module.params, report=Steps(options["progress_file"]).add)
    result = act(fly_api(module.params), flyctl, wanted, module.check_mode)
    for text in result.pop("warned", []):
        module.warn(text)
    return result


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **fly_arguments(),
            **flyctl_arguments(),
            "app": {"type": "str", "required": True},
            "source_dir": {"type": "path", "required": True},
            "config": {"type": "path"},
            "image": {"type": "str"},
            "build_only": {"type": "bool", "default": False},
            "scale_only": {"type": "bool", "default": False},
            "groups": {"type": "dict", "default": {}},
            "strategy": {"type": "str", "choices": ["rolling", "canary", "immediate", "bluegreen"]},
            "wait_timeout": {"type": "int", "default": 300},
            "progress_file": {"type": "path"},
        },
        mutually_exclusive=[("build_only", "scale_only")],
        supports_check_mode=True,
    )
    run(module, work)


if __name__ == "__main__":
    main()
