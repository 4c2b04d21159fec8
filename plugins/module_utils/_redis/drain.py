# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Waiting until workers have nothing left to do: no job in a queue, and none in a worker's hands."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any, Callable

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis import databases, findings, jobs
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.look import Eyes
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.names import Selection
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.server import Address, connected
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.wire import Connection

POLL_SECONDS = 1.0
# Sidekiq reports every ten seconds which jobs its threads hold; until then a job that was taken is nowhere to be seen.
SETTLED_SECONDS = 12.0


def look(source: Address) -> dict[str, Any]:
    """Return the module's result for the jobs as they are now."""
    with ExitStack() as stack:
        found = _read(_connect(stack, source))
    return {
        "changed": False, "drained": found.at_once == 0, "jobs": found.as_result(), "seconds": 0.0,
        "findings": findings.jobs_found(found, frozen=False),
    }  # fmt: skip


def drain(
    source: Address,
    timeout: float,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Wait until nothing is waiting or in progress, at most O(timeout) seconds; return the module's result.

    Jobs that are scheduled or will be retried do not count. Killed workers hold jobs forever, so a timeout is not an
    error.
    """
    started = clock()
    quiet_since: float | None = None
    with ExitStack() as stack:
        parts = _connect(stack, source)
        while True:
            found = _read(parts)
            now = clock()
            quiet_since = None if found.at_once else now if quiet_since is None else quiet_since
            drained = quiet_since is not None and (now - quiet_since >= SETTLED_SECONDS or not found.processes)
            if drained or now - started >= timeout:
                break
            sleep(POLL_SECONDS)
    return {
        "changed": False, "drained": drained, "jobs": found.as_result(), "seconds": round(clock() - started, 3),
        "findings": [] if drained else findings.not_drained(found, timeout),
    }  # fmt: skip


def _connect(stack: ExitStack, source: Address) -> list[tuple[Connection, jobs.Keys]]:
    """Connect to each database that has keys, and pick the names that belong to jobs, only once."""
    first = stack.enter_context(connected(source))
    parts = []
    for address in databases.plan(first, source, None).sources(source) or [source]:
        connection = stack.enter_context(connected(address))
        keys = jobs.Keys()
        for names in Eyes(connection).names(Selection()):
            keys.add(names)
        parts.append((connection, keys))
    return parts


def _read(parts: list[tuple[Connection, jobs.Keys]]) -> jobs.Jobs:
    total = jobs.Jobs()
    for connection, keys in parts:
        keys.refresh(connection)
        total.add(jobs.read(connection, keys))
    return total
