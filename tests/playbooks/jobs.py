# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An app that queues jobs and runs them, as Sidekiq does, and writes down both: 'python jobs.py queue' or '... work'.

A worker takes a job out of the queue and runs it; told to end, it finishes the one that it has. JOBS_LOG names the file
to which each queued and each run job is added as one line.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import uuid
from collections import Counter
from pathlib import Path

import redis

QUEUE = "queue:jobs"
# There are always about so many to copy.
_WAITING = 300
_A_JOB = 0.005  # seconds
_IDLE = 0.02
_over = False


def queue(client: redis.Redis) -> None:
    """Queue jobs until told to end. One that the server has acknowledged counts."""
    client.sadd("queues", "jobs")
    while not _over:
        if client.llen(QUEUE) > _WAITING:
            time.sleep(_IDLE)
            continue
        job = uuid.uuid4().hex
        client.lpush(QUEUE, json.dumps({"class": "CountedJob", "args": [], "jid": job, "retry": True}))
        _note("queued", job)


def work(client: redis.Redis) -> None:
    """Run jobs as fast as they come, until told to end."""
    where = os.environ.get("DYNO") or f"fly {os.environ['FLY_MACHINE_ID']}"
    while not _over:
        taken = client.rpop(QUEUE)
        if taken:
            _note("ran", json.loads(taken)["jid"], where)
            time.sleep(_A_JOB)
        else:
            time.sleep(_IDLE)


def counted(log: Path) -> tuple[set[str], Counter[str], set[str]]:
    """Return the jobs that were queued, how often each was run, and where some were run."""
    lines = [line.split(" ", 2) for line in log.read_text(encoding="ascii").splitlines()]
    ran = [line for line in lines if line[0] == "ran"]
    return {line[1] for line in lines if line[0] == "queued"}, Counter(line[1] for line in ran), {r[2] for r in ran}


def _note(*words: str) -> None:
    file = os.open(os.environ["JOBS_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, f"{' '.join(words)}\n".encode("ascii"))
    os.close(file)


def _end(*_arguments: object) -> None:
    global _over
    _over = True


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    url = os.environ["REDIS_URL"]
    server = redis.Redis.from_url(url, **({"ssl_cert_reqs": None} if url.startswith("rediss:") else {}))
    {"queue": queue, "work": work}[sys.argv[1]](server)
