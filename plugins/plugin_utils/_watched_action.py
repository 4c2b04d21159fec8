# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""An action that runs the module of the same name and shows its progress if it runs on the controller.

It prints a line every few seconds to standard error, which reaches terminals, logs and AWX without breaking what a
callback, such as json, prints on standard output. The variable C(flyover_progress) or the environment variable
E(FLYOVER_PROGRESS) turns the lines off.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.display import Display

from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._tied_action import TiedAction
from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._watch import State, Watch


class WatchedAction(TiedAction):
    """Run a module with the option O(progress_file), and watch that file."""

    shown_with_no_log = False
    """Whether its lines contain only names of phases and numbers."""

    to_the_end = False
    """Whether to also show what came last."""

    def lines(self, state: State, former: State, seconds: float) -> Iterable[str]:
        """Return what to show of the progress file's O(state); O(former) is its state O(seconds) ago."""
        raise NotImplementedError

    def summary(self, result: dict[str, Any]) -> str:
        """Return what to show at the end of a task that is not async, "" for nothing."""
        del result
        return ""

    def _work(self, arguments: dict[str, Any]) -> dict[str, Any]:
        background = self._task.async_val
        # On another host or as another user, the file could not be read; nobody watches a job that is not polled.
        watched = self._connection.transport == "local" and not self._connection.become and not self._is_left_alone()
        silent = self._task.check_mode or (self._task.no_log and not self.shown_with_no_log) or not self._wanted()
        if not watched or silent:
            return self._execute(arguments)
        if background:
            # The file is removed with the job. The watch ends with this process, which polls the job.
            path = arguments.setdefault("progress_file", os.path.join(self._make_tmp_path(), "progress"))
            Watch(path, self.lines, self._show).start()
            return self._execute(arguments)
        with tempfile.TemporaryDirectory(prefix="flyover-") as folder:
            path = arguments.setdefault("progress_file", os.path.join(folder, "progress"))
            with Watch(path, self.lines, self._show, to_the_end=self.to_the_end):
                result = self._execute(arguments)
        self._show(self.summary(result))
        return result

    def _wanted(self) -> bool:
        given = self._templar.template(self._task_vars.get("flyover_progress", os.environ.get("FLYOVER_PROGRESS", "")))
        return boolean(given, strict=False) if str(given) else True

    def _show(self, text: str) -> None:
        if text:
            name, host = self._task.action.rpartition(".")[2], self._task_vars.get("inventory_hostname", "")
            Display().display(f"{name} [{host}]: {text}", stderr=True)
