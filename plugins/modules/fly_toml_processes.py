#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fly_toml_processes
short_description: Write the processes of a Procfile into fly.toml
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Edits C(fly.toml) so that Fly runs what Heroku ran. Each process becomes a process group, the C(release) process
    becomes C(release_command) in C([deploy]), and the web service names its process group, without which flyctl refuses
    the file.
  - Fly runs commands without a shell. A command that needs one is wrapped in C(sh -c) or C(bash -c); any other is kept.
  - C(PORT) in C([env]) gets the port of the web service. C(kill_signal), C(kill_timeout) and C(auto_stop_machines) are
    set to match Heroku, unless the file sets them.
  - Everything else is kept byte for byte, including comments and line breaks. Before the edited text is written, it is
    parsed again and must have its former values plus the changes.
  - Nothing is written if the C(Procfile) or C(fly.toml) is malformed.
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.common
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
requirements:
  - tomlkit
options:
  path:
    description:
      - Path of C(fly.toml). The C(Dockerfile) in the same folder is used to find the web port, if neither
        O(internal_port) nor the file or the command gives it; C(config/routes.rb) is used to find the path for the
        health check of a new service.
      - A symbolic link is followed and kept.
    type: path
    required: true
  procfile:
    description:
      - Path of the C(Procfile).
      - One of O(procfile) and O(processes) is required.
    type: path
  processes:
    description:
      - The commands by process type, as they run on Heroku, instead of a C(Procfile).
      - V(rake) and V(console), which the Ruby buildpack adds to every app, count only if O(formation) runs them.
    type: dict
  web_process:
    description:
      - The process that serves HTTP.
    type: str
    default: web
  internal_port:
    description:
      - The port on which O(web_process) listens.
      - By default, the port that C(fly.toml), the command or the C(Dockerfile) gives, otherwise V(8080).
    type: int
  release_command:
    description:
      - The release command to write into C(fly.toml), whatever the C(Procfile) says.
      - By default, the C(release) process. If C(fly.toml) already has a different one, that is kept, with a warning.
    type: str
  vm:
    description:
      - Machine size by process group. Either the name of a preset, such as V(shared-cpu-2x), or a dict with C([[vm]])
        keys such as C(size), C(memory), C(cpus) and C(cpu_kind).
      - This replaces the size that C(fly.toml) has for the group.
    type: dict
    default: {}
  formation:
    description:
      - Heroku's formation by process type, as dicts with C(quantity) and C(size); other keys are ignored.
      - A group without a size in O(vm) or C(fly.toml) gets a C([[vm]]) with at least as much memory as its dynos.
      - Without it, only the sizes in O(vm) are written.
    type: dict
    default: {}
  machines:
    description:
      - The ids of the app's Machines by process group, so that a warning can name those that Fly will destroy.
    type: dict
  unlisted:
    description:
      - What to do with process groups that are in C(fly.toml) but not in the C(Procfile).
      - V(rename_app) renames the group C(app), which C(fly launch) writes, to O(web_process), and keeps all others.
      - V(keep) also keeps C(app); V(remove) removes them all.
      - The next deploy destroys the Machines of a group that is no longer in the file.
    type: str
    choices: [keep, rename_app, remove]
    default: rename_app
  create:
    description:
      - Whether to create the file if it is missing. It is not created next to a C(fly.json) or C(fly.yaml).
    type: bool
    default: false
  app:
    description:
      - Name of the Fly app. Required if the file is created.
    type: str
  primary_region:
    description:
      - Fly region of the app, used if the file is created.
    type: str
  builder:
    description:
      - The builder of Cloud Native Buildpacks that builds the image, such as V(heroku/builder:24).
      - It is written only if nothing else says how to build the image, neither C([build]) nor a C(Dockerfile) next to
        the file. A different builder in the file is kept, with a warning.
      - If a builder makes the image, C(entrypoint) in C([experimental]) is set to the buildpacks' launcher, without
        which such an image does not run the commands in C([processes]).
    type: str
  awaits_dockerfile:
    description:
      - Whether an earlier task writes the C(Dockerfile) if it is missing, as M(flyover.heroku_to_fly.fly_dockerfile)
        does.
      - In check mode that file does not exist yet, and what depends on it, such as the port of a new service, is
        V(unknown) in the diff.
    type: bool
    default: false
  backup:
    description:
      - Whether to keep a copy of the original file, with the time in its name.
    type: bool
    default: false
seealso:
  - module: flyover.heroku_to_fly.heroku_app_info
  - module: flyover.heroku_to_fly.fly_deploy
  - module: flyover.heroku_to_fly.fly_dockerfile
  - name: Fly.io app configuration
    description: Reference of fly.toml.
    link: https://fly.io/docs/reference/configuration/
"""

EXAMPLES = r"""
- name: Write the Procfile's processes into fly.toml
  flyover.heroku_to_fly.fly_toml_processes:
    path: src/paper-crane/fly.toml
    procfile: src/paper-crane/Procfile
    backup: true

- name: Write what Heroku runs into a new or existing fly.toml, with sizes for two groups
  flyover.heroku_to_fly.fly_toml_processes:
    path: src/paper-crane/fly.toml
    create: true
    app: paper-crane
    primary_region: iad
    builder: heroku/builder:24
    processes:
      web: bundle exec puma -p $PORT
      worker: bundle exec sidekiq
      release: bin/rails db:migrate
    vm:
      web:
        size: performance-1x
        memory: 4gb
      worker: shared-cpu-2x
"""

RETURN = r"""
differs:
  description: The same as C(changed), even if the task sets C(changed_when).
  returned: success
  type: bool
  sample: true
processes:
  description: All process groups in the file with their commands, as written there.
  returned: success
  type: dict
  sample:
    web: sh -c 'exec bundle exec puma -p $PORT'
    worker: bundle exec sidekiq
release_command:
  description: The release command, or null.
  returned: success
  type: str
  sample: bin/rails db:migrate
internal_port:
  description:
    - The port on which the web process should listen. Null if there is no web process, and in check mode if it depends
      on a C(Dockerfile) that does not exist yet (O(awaits_dockerfile)).
  returned: success
  type: int
  sample: 8080
groups:
  description:
    - What O(formation) says about each process group, and the Machine size that replaces a dyno. Null if unknown.
  returned: success
  type: dict
  sample:
    web: {count: 2, dyno: Standard-1X, size: shared-cpu-1x, memory_mb: 512}
removed_groups:
  description: Process groups that are no longer in the file, including renamed ones.
  returned: success
  type: list
  elements: str
  sample: [app]
kept_groups:
  description: Process groups in the file that are not in the C(Procfile).
  returned: success
  type: list
  elements: str
  sample: []
conflicts:
  description:
    - Which of V(release_command), V(builder) and V(entrypoint) contradict the C(Procfile) or the options and were
      kept.
  returned: success
  type: list
  elements: str
  sample: []
warnings:
  description: What the user should know or decide. Also shown as warnings.
  returned: when there are any
  type: list
  elements: str
  sample: ["Procfile, line 4: 'web' is also in line 1; the last one is used."]
backup_file:
  description: Path of the copy.
  returned: when O(backup=true) and the file was changed
  type: str
  sample: src/paper-crane/fly.toml.2209.2026-11-21@14:05:11~
line:
  description: The line of the error in C(fly.toml).
  returned: failure, when the file is not valid TOML
  type: int
  sample: 12
column:
  description: The column of the error in C(fly.toml).
  returned: failure, when the file is not valid TOML
  type: int
  sample: 3
remedy:
  description: What to do about the failure. It also ends C(msg).
  returned: failure
  type: str
  sample: Correct what it names, then run again.
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly_toml.file import ensure_processes


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "procfile": {"type": "path"},
            "processes": {"type": "dict"},
            "web_process": {"type": "str", "default": "web"},
            "internal_port": {"type": "int"},
            "release_command": {"type": "str"},
            "vm": {"type": "dict", "default": {}},
            "formation": {"type": "dict", "default": {}},
            "machines": {"type": "dict"},
            "unlisted": {"type": "str", "choices": ["keep", "rename_app", "remove"], "default": "rename_app"},
            "create": {"type": "bool", "default": False},
            "app": {"type": "str"},
            "primary_region": {"type": "str"},
            "builder": {"type": "str"},
            "awaits_dockerfile": {"type": "bool", "default": False},
            "backup": {"type": "bool", "default": False},
        },
        mutually_exclusive=[("procfile", "processes")],
        required_one_of=[("procfile", "processes")],
        supports_check_mode=True,
    )
    run(module, lambda module: ensure_processes(module.params, module.check_mode, module.warn, module.backup_local))


if __name__ == "__main__":
    main()
