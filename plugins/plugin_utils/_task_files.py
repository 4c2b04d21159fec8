# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Load files of tasks as Ansible will, to find in time what it cannot load and what ends a play.

In the middle of a run, either would end it at once, without any rescue.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible import constants
from ansible.errors import AnsibleError, AnsibleFileNotFound
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.block import Block
from ansible.playbook.helpers import load_list_of_blocks
from ansible.playbook.play import Play
from ansible.playbook.task import Task
from ansible.playbook.task_include import TaskInclude

_ENDS = ("end_batch", "end_host", "end_play", "end_role")


def faults(
    files: Iterable[str], loader: DataLoader, variables: Mapping[str, Any], task: Task | None = None
) -> dict[str, str]:
    """Return why some of O(files) cannot be used, by file; files that do not exist are left out.

    They are loaded as if O(task) included them, and so is a file that one of them includes by a plain name.
    """
    play, role = (task.get_play(), task._role) if task else (Play(), None)
    found: dict[str, str] = {}
    waiting, seen = list(files), set[str]()
    while waiting:
        file = waiting.pop(0)
        if file in seen or not os.path.isfile(file):
            continue
        seen.add(file)
        try:
            tasks = loader.load_from_file(file)
            if not isinstance(tasks, (list, type(None))):
                found[file] = "it is not a list of tasks"
                continue
            blocks = load_list_of_blocks(
                tasks, play=play, role=role, variable_manager=_Variables(variables), loader=loader
            )
        except AnsibleFileNotFound:  # of an import, whose place depends on the file that includes this one
            continue
        except AnsibleError as error:
            found[file] = str(error)
            continue
        inside = list(_flat(blocks))
        for ending in (str(task.args.get("_raw_params")) for task in inside if task.action in constants._ACTION_META):
            if ending in _ENDS:
                found[file] = f"'meta: {ending}' would end the run half way; to stop it, use ansible.builtin.fail"
        waiting += [os.path.join(os.path.dirname(file), name) for name in _included(inside)]
    return found


@dataclass
class _Variables:
    """What loading asks of ansible-core's VariableManager, for the names of imported files."""

    variables: Mapping[str, Any]

    def get_vars(self, **_place: Any) -> dict[str, Any]:
        return dict(self.variables)


def _flat(tasks: Iterable[Any]) -> Iterator[Task]:
    for task in tasks:
        if isinstance(task, Block):
            yield from _flat([*task.block, *task.rescue, *task.always])
        else:
            yield task


def _included(tasks: Iterable[Task]) -> Iterator[str]:
    for task in tasks:
        if isinstance(task, TaskInclude):
            name = str(task.args.get("_raw_params") or task.args.get("file") or "")
            if name and "{{" not in name:
                yield name
