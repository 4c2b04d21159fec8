# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""An action that runs the module of the same name and shows its progress if it runs on the controller.

The progress goes to standard error, so that what a callback prints on standard output, such as JSON, stays whole. On a
terminal, if the play has one host, it is one line that is rewritten each second; otherwise a line every few seconds,
which also reaches logs and AWX. The variable C(flyover_progress) or the environment variable E(FLYOVER_PROGRESS) turns
it off.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from multiprocessing import parent_process
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.display import Display

from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._terminal import Line, columns, filled_bar
from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._tied_action import TiedAction
from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._watch import State, Watch

_REWRITTEN = 1.0  # seconds


class WatchedAction(TiedAction):
    """Run a module with the option O(progress_file), and watch that file."""

    shown_with_no_log = False
    """Whether its lines contain only names of phases and numbers."""

    to_the_end = False
    """Whether to also show what came last."""

    def lines(self, state: State, former: State, seconds: float) -> Iterable[str]:
        """Return what to show of the progress file's O(state); O(former) is its state O(seconds) ago."""
        raise NotImplementedError

    def share(self, state: State) -> float | None:
        """Return how much is done, from 0 to 1, for a line that is rewritten; without it there is no such line."""
        del state
        return None

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
            result = self._watched(path, arguments)
        self._show(self.summary(result))
        return result

    def _watched(self, path: str, arguments: dict[str, Any]) -> dict[str, Any]:
        width = self._columns()
        if not width:
            with Watch(path, self.lines, self._show, to_the_end=self.to_the_end):
                return self._execute(arguments)
        line = Line(lambda text: Display().display(text, stderr=True, screen_only=True, newline=False), width)
        try:
            with Watch(path, self._line, line.show, interval=_REWRITTEN):
                return self._execute(arguments)
        finally:
            line.clear()

    def _line(self, state: State, former: State, seconds: float) -> Iterable[str]:
        for text in self.lines(state, former, seconds):
            yield f"{filled_bar(self.share(state) or 0)} {text}"

    def _columns(self) -> int:
        """Return the width of the line to rewrite, 0 if there is none or several hosts would write there."""
        several = len(self._task_vars.get("ansible_play_hosts_all", [])) > 1
        if several or type(self).share is WatchedAction.share:
            return 0
        parent = parent_process()
        return columns((parent.pid if parent else None) or os.getpid(), os.environ)

    def _wanted(self) -> bool:
        given = self._templar.template(self._task_vars.get("flyover_progress", os.environ.get("FLYOVER_PROGRESS", "")))
        return boolean(given, strict=False) if str(given) else True

    def _show(self, text: str) -> None:
        if text:
            name, host = self._task.action.rpartition(".")[2], self._task_vars.get("inventory_hostname", "")
            Display().display(f"{name} [{host}]: {text}", stderr=True)
