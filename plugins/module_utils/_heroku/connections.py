# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""How many connections to Postgres an app's processes can open at once, by their commands and config vars."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Count:
    """A number that a flag of the command or a config var gives, the first that does; else O(default)."""

    default: int
    flags: str = ""
    """Alternatives of a pattern, such as V(-c|--concurrency)."""
    variables: Sequence[str] = ()

    def of(self, command: str, config: Mapping[str, str]) -> int:
        """Return the number; of a range, such as C(-t 1:5), its end."""
        found = re.search(rf"\s(?:{self.flags})[ =:]?(?:\d+:)?(\d{{1,5}})\b", command) if self.flags else None
        given = [found[1]] if found else [config.get(name, "") for name in self.variables]
        return next((int(text) for text in given if text.isdigit() and len(text) < 6), self.default)


@dataclass(frozen=True)
class Program:
    """A server or a job system: each of its O(processes) opens a connection for each of its O(threads), and O(more)."""

    command: str
    """A pattern that its commands match."""
    threads: Count
    processes: Count = Count(1)
    more: int = 0


# From the documentation of each: puma (github.com/puma/puma), good_job, solid_queue, que and the others.
_RAILS_THREADS = ("RAILS_MAX_THREADS", "MAX_THREADS")
_ONE = Count(1)
_PROGRAMS = (
    Program(
        r"\bsidekiq(?!-)",
        Count(5, "-c|--concurrency", ("SIDEKIQ_CONCURRENCY", *_RAILS_THREADS)),
        Count(1, "", ("SIDEKIQ_COUNT",)),
    ),
    # One more waits for jobs with LISTEN.
    Program(r"\bgood_job\b", Count(5, "--max-threads", ("GOOD_JOB_MAX_THREADS", *_RAILS_THREADS)), more=1),
    # Three threads of the worker, the dispatcher and the supervisor.
    Program(r"\bsolid_queue\b|\bbin/jobs\b", Count(3), Count(1, "", ("JOB_CONCURRENCY",)), more=2),
    # One more holds the locks.
    Program(r"\bque\b", Count(6, "-w|--worker-count", ("QUE_WORKER_COUNT",)), more=1),
    Program(r"\bdelayed_job\b|\bjobs:work\b", _ONE, Count(1, "-n|--number_of_workers|--pool=[^ ]*?")),
    Program(r"\bresque\b", _ONE, Count(1, "", ("COUNT", "RESQUE_WORKERS"))),
    Program(r"\bqc:work\b|\bqueue_classic\b", _ONE),
    Program(r"\bshoryuken\b", Count(25, "-c|--concurrency")),
    Program(r"\bcelery\b.*\bworker\b", _ONE, Count(8, "-c|--concurrency")),
)
_PUMA = Program(
    r"\bpuma\b|\brails s(?:erver)?\b|\brackup\b|\bthrust\b",
    Count(3, "-t|--threads", _RAILS_THREADS),
    Count(1, "-w|--workers", ("WEB_CONCURRENCY",)),
)
_SERVERS = (
    Program(r"\bunicorn", _ONE, Count(1, "", ("WEB_CONCURRENCY", "UNICORN_WORKERS"))),
    Program(r"\bpassenger\b", _ONE, Count(6, "--max-pool-size", ("PASSENGER_MAX_POOL_SIZE",))),
    Program(r"\bgunicorn\b", Count(1, "--threads"), Count(1, "-w|--workers", ("WEB_CONCURRENCY",))),
    _PUMA,
)


def connections(
    formation: Sequence[Mapping[str, Any]], commands: Mapping[str, str], config: Mapping[str, str]
) -> list[tuple[str, int, int]]:
    """Return process type, dynos and connections of each dyno, for those whose command is known."""
    rows = []
    for process in formation:
        command = commands.get(process["type"], process["command"])
        found = next((one for one in (*_PROGRAMS, *_SERVERS) if re.search(one.command, command)), None)
        # A web process behind a script of the app's own is most likely Puma.
        program = found or (_PUMA if process["type"] == "web" else None)
        if program and process["quantity"]:
            each = max(1, program.processes.of(command, config)) * program.threads.of(command, config) + program.more
            rows.append((process["type"], int(process["quantity"]), each))
    return rows
