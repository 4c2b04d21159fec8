# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The jobs that Sidekiq and Resque keep in a Redis: waiting, scheduled, failed, and those that a worker holds now.

Names: Sidekiq's lib/sidekiq/{api,client,launcher}.rb, the private queues of Sidekiq Pro's super_fetch (queue:sq|...)
and of GitLab's reliable fetch (working:queue:...), Resque's lib/resque/data_store.rb. Any may follow a namespace.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.wire import Connection, Refused

# What jobs_only copies, without a namespace: the jobs, what is scheduled, and what gems remember of both.
NAMES = (
    "queues", "queue:*", "working:queue:*", "super_processes", "*:super_queues", "schedule", "retry", "dead", "failed",
    "delayed_queue_schedule", "delayed:*", "timestamps:*", "cron_jobs", "cron_job:*", "schedules", "schedules:*",
    "sidekiq-scheduler:*", "periodic", "loops:*", "batches", "b-*", "BID-*", "uniquejobs", "uniquejobs:*", "unique:*",
    "stat:*",
)  # fmt: skip
PATTERNS = [*NAMES, *(f"*:{name}" for name in NAMES)]
MOST_QUEUES = 10000
MOST_CLASSES = 20
_QUEUE = re.compile(rb"(?P<space>|.*?:)(?P<working>working:)?queue:(?P<name>.+)", re.DOTALL)
_SORTED = {b"schedule": "scheduled", b"retry": "retrying", b"dead": "dead"}
_TAIL = re.compile(
    rb"(?P<space>|.*:)(?P<name>schedule|retry|dead|processes|workers|failed|delayed_queue_schedule)", re.DOTALL
)
_TAILS = (b"schedule", b"retry", b"dead", b"processes", b"workers", b"failed")
WORDS = (b"queue:", *_TAILS)
"""All names that belong to jobs have one of these."""
_CLASS = re.compile(r"[A-Za-z_][\w:]{0,100}")


@dataclass
class Jobs:
    """What was found: numbers, names of queues and of jobs' classes, but no argument of any job."""

    waiting: dict[str, int] = field(default_factory=dict)
    scheduled: int = 0
    retrying: int = 0
    dead: int = 0
    private: int = 0
    processes: int = 0
    in_progress: Counter[str] = field(default_factory=Counter)

    @property
    def any(self) -> bool:
        """Whether this Redis is used for jobs."""
        return bool(self.waiting or self.to_run or self.dead or self.processes)

    @property
    def to_run(self) -> int:
        """How many jobs a worker would run, now or later."""
        return self.at_once + self.scheduled + self.retrying

    @property
    def at_once(self) -> int:
        """How many jobs wait for a worker, or are held by one."""
        return sum(self.waiting.values()) + self.private + sum(self.in_progress.values())

    def add(self, other: Jobs) -> None:
        """Add another database's."""
        for name, count in other.waiting.items():
            self.waiting[name] = self.waiting.get(name, 0) + count
        for name in ("scheduled", "retrying", "dead", "private", "processes"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.in_progress.update(other.in_progress)

    def in_words(self) -> str:
        """Return the numbers as text."""
        queues = ", ".join(f"{name} {count}" for name, count in sorted(self.waiting.items()) if count)
        waiting = sum(self.waiting.values())
        parts = [
            f"{waiting} waiting ({queues})" if queues else "0 waiting",
            *(f"{count} {what}" for what, count in self._numbers() if count),
        ]
        return ", ".join(parts)

    def as_result(self) -> dict[str, Any]:
        """Return everything for a module's result."""
        return {
            "waiting": dict(sorted(self.waiting.items())),
            "scheduled": self.scheduled,
            "retrying": self.retrying,
            "dead": self.dead,
            "private": self.private,
            "processes": self.processes,
            "in_progress": dict(self.in_progress.most_common(MOST_CLASSES)),
        }

    def _numbers(self) -> list[tuple[str, int]]:
        return [
            ("scheduled", self.scheduled),
            ("to be retried", self.retrying),
            ("dead", self.dead),
            ("in private queues", self.private),
            ("in progress", sum(self.in_progress.values())),
        ]


class Keys:
    """The keys of a database that belong to jobs, picked out of all names."""

    def __init__(self) -> None:
        self.queues: set[bytes] = set()
        self.others: set[bytes] = set()

    def add(self, names: Iterable[bytes]) -> None:
        """Pick from names."""
        for name in names:
            if b"queue:" in name and _QUEUE.fullmatch(name) and len(self.queues) < MOST_QUEUES:
                self.queues.add(name)
            elif name.endswith(_TAILS) and _TAIL.fullmatch(name) and len(self.others) < MOST_QUEUES:
                self.others.add(name)

    def refresh(self, connection: Connection) -> None:
        """Add queues, and the sets that belong to them, that may have come since in a known namespace."""
        spaces = {match["space"] for match in map(_QUEUE.fullmatch, self.queues) if match and not match["working"]}
        spaces |= {match["space"] for match in map(_TAIL.fullmatch, self.others) if match}
        tails = (b"schedule", b"retry", b"processes", b"workers")
        self.others |= {space + tail for space in spaces or {b""} for tail in tails}
        for space in spaces or {b""}:
            names = connection.pipe([["SMEMBERS", space + b"queues"]])[0]
            self.queues |= {space + b"queue:" + name for name in (names if isinstance(names, list) else ())}


def read(connection: Connection, keys: Keys) -> Jobs:
    """Count the jobs in the keys that were picked; a key of an unexpected type is not about jobs."""
    found = Jobs()
    queues = sorted(keys.queues)
    for name, length in zip(queues, connection.pipe(["LLEN", name] for name in queues)):
        _add_queue(found, name, length)
    for name in sorted(keys.others):
        tail = _tail(name)
        if tail in _SORTED:
            count = _number(connection.pipe([["ZCARD", name]])[0])
            setattr(found, _SORTED[tail], getattr(found, _SORTED[tail]) + count)
        elif tail == b"delayed_queue_schedule":
            found.scheduled += _number(connection.pipe([["ZCARD", name]])[0])
        elif tail == b"failed":
            found.dead += _number(connection.pipe([["LLEN", name]])[0])
        elif tail == b"processes":
            _add_sidekiq(connection, found, name)
        elif tail == b"workers":
            _add_resque(connection, found, name)
    return found


def _add_queue(found: Jobs, name: bytes, length: Any) -> None:
    match = _QUEUE.fullmatch(name)
    if match is None or isinstance(length, Refused):
        return
    if match["working"] or match["name"].startswith(b"sq|"):
        found.private += length
    else:
        title = match["name"].decode("utf-8", "replace")
        found.waiting[title] = found.waiting.get(title, 0) + length


def _add_sidekiq(connection: Connection, found: Jobs, name: bytes) -> None:
    """Add what processes hold: the hash is called :work since Sidekiq 7, and :workers before."""
    identities = connection.pipe([["SMEMBERS", name]])[0]
    space = name[: -len(b"processes")]
    for identity in identities if isinstance(identities, list) else ():
        key = space + identity
        alive, new, old = connection.pipe([["EXISTS", key], ["HVALS", key + b":work"], ["HVALS", key + b":workers"]])
        found.processes += _number(alive)
        for texts in (new, old):
            for text in texts if isinstance(texts, list) else ():
                found.in_progress[_class_of(text)] += 1


def _add_resque(connection: Connection, found: Jobs, name: bytes) -> None:
    workers = connection.pipe([["SMEMBERS", name]])[0]
    space = name[: -len(b"workers")]
    for worker in workers if isinstance(workers, list) else ():
        found.processes += 1
        text = connection.pipe([["GET", space + b"worker:" + worker]])[0]
        if isinstance(text, bytes):
            found.in_progress[_class_of(text)] += 1


def _class_of(text: Any) -> str:
    """Return the class of a job in progress: its payload is JSON, in Sidekiq within JSON; ActiveJob wraps it."""
    try:
        work = json.loads(text)
        payload = work.get("payload", work)
        payload = json.loads(payload) if isinstance(payload, str) else payload
        name = payload.get("wrapped") or payload.get("class")
        return name if isinstance(name, str) and _CLASS.fullmatch(name) else "unknown"
    except (ValueError, AttributeError, TypeError):
        return "unknown"


def _tail(name: bytes) -> bytes:
    match = _TAIL.fullmatch(name)
    return match["name"] if match else b""


def _number(answer: Any) -> int:
    return answer if isinstance(answer, int) else 0
