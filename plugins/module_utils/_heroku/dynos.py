# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Dynos outside an app's formation, from heroku run and Heroku Scheduler: they keep writing when it is scaled to 0."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any, Callable

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import NotFound, StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.api import HerokuAPI

POLL_SECONDS = 2.0
LONGEST_COMMAND = 200


def one_off_dynos(
    heroku: HerokuAPI,
    app: str,
    stop: bool,
    wait_timeout: float,
    check_mode: bool,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """List the dynos outside the formation, and with O(stop) stop them and wait until they are gone.

    Return the module's result. A dyno that starts meanwhile is stopped too. Raises StateError if one is still running
    after O(wait_timeout) seconds.
    """
    formation = {str(entry["type"]) for entry in heroku.formation(app)}
    found = {dyno["name"]: dyno for dyno in _others(heroku, app, formation)}
    if stop and not check_mode:
        deadline = clock() + wait_timeout
        told: set[str] = set()
        running = dict(found)
        while running:
            for name in sorted(set(running) - told):
                told.add(name)
                with contextlib.suppress(NotFound):  # it has ended by itself
                    heroku.stop_dyno(app, name)
            running = {dyno["name"]: dyno for dyno in _others(heroku, app, formation)}
            found.update(running)
            if running and clock() >= deadline:
                raise _timeout(app, wait_timeout, sorted(running))
            if running:
                sleep(POLL_SECONDS)
    dynos = [_shown(found[name]) for name in sorted(found)]
    return {"changed": stop and bool(dynos), "dynos": dynos, "findings": _findings(app, dynos, stop)}


def _others(heroku: HerokuAPI, app: str, formation: set[str]) -> list[dict[str, Any]]:
    return [dyno for dyno in heroku.dynos(app) if str(dyno["type"]) not in formation]


def _shown(dyno: Mapping[str, Any]) -> dict[str, str]:
    command = " ".join(str(dyno.get("command") or "").split())
    if len(command) > LONGEST_COMMAND:
        command = command[: LONGEST_COMMAND - 3] + "..."
    return {
        "name": str(dyno["name"]),
        "type": str(dyno["type"]),
        "command": command,
        "since": str(dyno.get("created_at") or ""),
    }


def _findings(app: str, dynos: list[dict[str, str]], stopped: bool) -> list[dict[str, str]]:
    if not dynos:
        return []
    named = "; ".join(f"{dyno['name']}: {dyno['command'] or 'unknown command'}" for dyno in dynos)
    if stopped:
        text = f"Dynos of Heroku app {app} outside its formation were stopped: {named}."
        remedy = "Check whether their work has to be repeated on Fly."
    else:
        text = f"Heroku app {app} runs dynos outside its formation, which keep writing while it is frozen: {named}."
        remedy = (
            "Let them finish. The cut-over stops them, unless migrate_stop_one_off_dynos is false. Turn off the jobs "
            "in the Heroku Scheduler dashboard, because it starts new dynos."
        )
    return [{"id": "one-off-dynos", "level": "warn", "urgency": "before", "text": text, "remedy": remedy}]


def _timeout(app: str, seconds: float, names: list[str]) -> StateError:
    return StateError(
        f"one-off dynos of Heroku app {app}",
        f"still running after {seconds:g} seconds: {', '.join(names)}",
        f"Check 'heroku ps -a {app}', turn off what restarts them, then run again.",
    )
