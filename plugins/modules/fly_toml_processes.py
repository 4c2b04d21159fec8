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
    becomes C(release_command) of C([deploy]), and the service that serves the web names its process group, without
    which flyctl refuses the file.
  - Fly runs commands without a shell. A command that needs one is wrapped in C(sh -c) or C(bash -c), any other stays as
    it is.
  - C(PORT) in C([env]) gets the port of the web service. Where the file says nothing, C(kill_signal), C(kill_timeout)
    and C(auto_stop_machines) become what they are on Heroku.
  - What has nothing to do with that keeps its bytes, comments and line breaks among them. The edited text is read again
    before it is written; it must mean what it meant, plus the changes.
  - Nothing is written when the C(Procfile) or C(fly.toml) is malformed.
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
      - Path of C(fly.toml). C(Dockerfile) and C(config/routes.rb) of the same folder tell the web's port, where neither
        O(internal_port) nor the file or the command does, and the path for the health check of a new service.
      - A symbolic link stays one.
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
      - V(rake) and V(console), which the Ruby buildpack adds to every app, count only where O(formation) runs them.
    type: dict
  web_process:
    description:
      - The process that serves HTTP.
    type: str
    default: web
  internal_port:
    description:
      - The port on which O(web_process) listens.
      - By default what C(fly.toml), the command or the C(Dockerfile) says, else V(8080).
    type: int
  release_command:
    description:
      - The release command, as it is to stand in C(fly.toml), whatever the C(Procfile) has.
      - By default the C(release) process. One that C(fly.toml) has already, and that is another, stays with a warning.
    type: str
  vm:
    description:
      - Machine size by process group. Either the name of a preset, like V(shared-cpu-2x), or a dict with keys of
        C([[vm]]) like C(size), C(memory), C(cpus) and C(cpu_kind).
      - This replaces the size that C(fly.toml) has for the group.
    type: dict
    default: {}
  formation:
    description:
      - Heroku's formation by process type, as dicts with C(quantity) and C(size); other keys are ignored.
      - A group for which neither O(vm) nor C(fly.toml) has a size gets a C([[vm]]) with no less memory than its dynos.
      - Without it, no sizes are written but those of O(vm).
    type: dict
    default: {}
  machines:
    description:
      - The ids of the app's Machines by process group, so that a warning can name those which Fly will destroy.
    type: dict
  unlisted:
    description:
      - What becomes of process groups that C(fly.toml) has and the C(Procfile) has not.
      - V(rename_app) makes of the group C(app), which C(fly launch) writes, the O(web_process), and keeps all others.
      - V(keep) keeps C(app) too, V(remove) removes them all.
      - The next deploy destroys the Machines of a group that is no longer there.
    type: str
    choices: [keep, rename_app, remove]
    default: rename_app
  create:
    description:
      - Whether to create the file where it is missing. Beside a C(fly.json) or C(fly.yaml), none is created.
    type: bool
    default: false
  app:
    description:
      - Name of the Fly app, for a file that is created. Required then.
    type: str
  primary_region:
    description:
      - Fly region of the app, for a file that is created.
    type: str
  builder:
    description:
      - The builder of Cloud Native Buildpacks that makes the image, like V(heroku/builder:24).
      - It is written only where nothing else says how the image is built, neither C([build]) nor a C(Dockerfile) beside
        the file. Another builder that is there stays, with a warning.
      - Wherever a builder makes the image, C(entrypoint) in C([experimental]) becomes the buildpacks' launcher, without
        which such an image runs none of the commands in C([processes]).
    type: str
  awaits_dockerfile:
    description:
      - Whether a task before this one writes the C(Dockerfile) where it is missing, as
        M(flyover.heroku_to_fly.fly_dockerfile) does.
      - In check mode that file is not there yet, and what only it tells, as the port of a new service, is V(unknown)
        in the diff.
    type: bool
    default: false
  backup:
    description:
      - Whether to keep a copy of the file as it was, with the time in its name.
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

- name: Write what Heroku runs into a fly.toml, which may be missing, with sizes for two groups
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
  description: The same as C(changed), also where the task says C(changed_when).
  returned: success
  type: bool
  sample: true
processes:
  description: All process groups of the file with their commands, as they stand in it.
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
    - The port on which the web process is to listen. Null where there is no web process, and in check mode where only a
      C(Dockerfile) that is still to come tells it (O(awaits_dockerfile)).
  returned: success
  type: int
  sample: 8080
groups:
  description:
    - What O(formation) says of each process group, and the Machine that replaces a dyno. What is not known is null.
  returned: success
  type: dict
  sample:
    web: {count: 2, dyno: Standard-1X, size: shared-cpu-1x, memory_mb: 512}
removed_groups:
  description: Process groups that the file does not have any more, renamed ones among them.
  returned: success
  type: list
  elements: str
  sample: [app]
kept_groups:
  description: Process groups of the file that the C(Procfile) has not.
  returned: success
  type: list
  elements: str
  sample: []
conflicts:
  description:
    - What in the file contradicts the C(Procfile) or the options and was left alone, of V(release_command),
      V(builder) and V(entrypoint).
  returned: success
  type: list
  elements: str
  sample: []
warnings:
  description: What a person should know or decide. They are shown as warnings, too.
  returned: when there are any
  type: list
  elements: str
  sample: ["Procfile, line 4: 'web' stands in line 1 too; the last one counts."]
backup_file:
  description: Path of the copy.
  returned: when O(backup=true) and the file was changed
  type: str
  sample: src/paper-crane/fly.toml.2209.2026-11-21@14:05:11~
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
