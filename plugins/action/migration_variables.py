# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refuse role variables that could only be misread. Runs only on the controller: no module gets all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.flyover.heroku_to_fly.plugins.filter.hook_files import hook_files
from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._task_files import faults
from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._variables import (
    OF_ONE_APP,
    PREFIX,
    Given,
    problems,
)

APPS = ("migrate_heroku_app", "migrate_fly_app")


class ActionModule(ActionBase):
    """Compare every variable with the role's specification."""

    _supports_check_mode = True
    _requires_connection = False
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return whether this is check mode; raises AnsibleActionFail with everything that is wrong."""
        super().run(tmp, task_vars)
        self._variables = task_vars or {}
        _validation, arguments = self.validate_argument_spec(
            argument_spec={
                "specification": {"type": "path", "required": True},
                "needs_source": {"type": "bool", "default": True},
            }
        )
        options = _options(arguments["specification"])
        values = {str(name): self._value(raw) for name, raw in self._variables.items() if name.startswith(PREFIX)}
        folder = str(values.get("migrate_source_dir") or "")
        wrong = problems(
            Given(
                values=values,
                options=options,
                from_environment=[name for name in OF_ONE_APP if self._from_environment(name)],
                hosts=len(self._variables.get("ansible_play_hosts_all", [])) or 1,
                same_apps=list(self._same_apps(values)),
                folder=self._without_procfile(folder) if arguments["needs_source"] else "",
                run_tags=[str(tag) for tag in self._variables.get("ansible_run_tags") or ()],
                run_folder=os.getcwd(),
                broken_hooks=self._broken_hooks(values),
            )
        )
        if wrong:
            raise AnsibleActionFail(" ".join(wrong), result={"problems": wrong})
        # The variable ansible_check_mode reflects --check, but not the check_mode of a play, block or task.
        return {"changed": False, "check_mode": bool(self._task.check_mode), "alone": self._alone()}

    def _broken_hooks(self, values: Mapping[str, Any]) -> dict[str, str]:
        try:
            files = hook_files(values.get("migrate_hooks"), os.getcwd())
        except ValueError:  # which is found with the rest
            return {}
        return faults(files, self._loader, self._variables, self._task)

    def _alone(self) -> bool:
        """Return whether a failure that is fatal to all hosts of the play concerns only this one, and is supported."""
        play = self._task.get_play()
        hosts = self._variables.get("ansible_play_batch") or ()
        return len(hosts) <= 1 and str(play.strategy).rpartition(".")[2] in ("linear", "debug")

    def _value(self, raw: Any) -> Any:
        return self._templar.template(raw)

    def _from_environment(self, name: str) -> bool:
        """Return whether the role's own default is used, and the environment has a value for it."""
        variable = OF_ONE_APP[name]
        return f"'{variable}'" in str(self._variables.get(name, "")) and bool(os.environ.get(variable))

    def _same_apps(self, values: Mapping[str, Any]) -> Iterator[str]:
        """Yield the hosts in the play whose own variables name the same two apps, if there are any besides this one."""
        if not all(values.get(name) for name in APPS):
            return
        hosts = [str(host) for host in self._variables.get("ansible_play_hosts_all", [])]
        present = self._variables.get("hostvars", {})
        same = [
            host
            for host in hosts
            if all(name in present[host] and present[host][name] == values[name] for name in APPS)
        ]
        if len(same) > 1:
            yield from same

    def _without_procfile(self, folder: str) -> str:
        if self._connection.transport != "local" or os.path.isfile(
            os.path.join(os.path.expanduser(folder), "Procfile")
        ):
            return ""
        return folder or "''"


def _options(path: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the options in a role's specification."""
    try:
        with open(path, encoding="utf-8") as file:
            options = yaml.safe_load(file)["argument_specs"]["main"]["options"]
    except OSError as error:
        why = os.strerror(error.errno or 0)
    except (yaml.YAMLError, KeyError, TypeError, UnicodeDecodeError):
        why = "it has no argument_specs.main.options"
    else:
        if isinstance(options, dict) and all(isinstance(option, dict) for option in options.values()):
            return options
        why = "its options are not dicts by name"
    raise AnsibleActionFail(
        f"specification {path}: it cannot be used ({why}). Give the path of the role's meta/argument_specs.yml."
    )
